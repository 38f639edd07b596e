import type { EventAdministration, OutboxEvent, OutboxEventRepository } from "@omni-box/core";
import type { ClosableHarness } from "../conformance-case.js";

/**
 * What an outbox repository can do beyond the common contract.
 *
 * - `leasedClaim`, `bulkOutcomes`, `ownedBuckets`: the repository's `capabilities` of the same name; declared and claimed
 *   must agree. `ownedBuckets` needs `bulkOutcomes`.
 * - `administration`: people and maintenance can work on the stored events. Hook: `createAdministration`.
 * - `rowLocks`: the store locks rows, and a transaction can hold the row of an event. Hook: `lockEvent`.
 * - `keepPublished`: `onPublished: "keep"` is supported. Without it `createRepository` has to throw for it.
 * - `concurrentTransactions`: several transactions can be open at once (not so in SQLite).
 * - `rootClient`: clients outside a transaction can be told from transactions, and the harness has one in `rootClient`.
 */
export type OutboxRepositoryFeature =
  | "leasedClaim"
  | "bulkOutcomes"
  | "ownedBuckets"
  | "administration"
  | "rowLocks"
  | "keepPublished"
  | "concurrentTransactions"
  | "rootClient";

/** The repository options that cases ask for. */
export interface HarnessRepositoryOptions {
  readonly onPublished: "delete" | "keep";
}

/**
 * An adapter's way into `outboxRepositoryCases`: an empty store and the few things that cases need around it.
 *
 * A fresh harness is made for every case; its store holds no events, and with `ownedBuckets` eight buckets or more, all of
 * them without an owner and clean, and no workers. Emptying shared tables in the factory is enough when the cases of one
 * file run one after the other, as they do in Vitest.
 *
 * @typeParam Tx - what the adapter's transactions look like; the cases only pass them on
 */
export interface OutboxRepositoryHarness<Tx> extends ClosableHarness {
  /**
   * Makes a repository over the harness's store. A case calls it several times, with the same options, to act as
   * several workers: give each its own connections where you can, or return the same repository.
   */
  createRepository(options: HarnessRepositoryOptions): OutboxEventRepository<Tx>;

  /**
   * Runs `work` in a transaction of the application: commits when it resolves, rolls back and rejects with its error when
   * it rejects. Allow it 20 seconds: one case adds 10,000 events in one transaction.
   */
  transaction<Result>(work: (tx: Tx) => Promise<Result>): Promise<Result>;

  /**
   * Makes the store behave as if `ms` had passed: leases run out, backoffs and schedules become due.
   *
   * With a store whose clock cannot be moved, shift the stored times instead, in one statement for all rows:
   * `SET lease_until = lease_until - $1, next_attempt_at = next_attempt_at - $1, scheduled_at = scheduled_at - $1`. With
   * `ownedBuckets` the leases of buckets and of workers are shifted too; with `administration` all times of events are, when they
   * were created, completed, failed and published as dead letters, and when their dead letters are due.
   */
  advanceTime(ms: number): Promise<void>;

  /** With the feature `administration`: makes one over the harness's store. A case calls it several times to act as several people. */
  createAdministration?(): EventAdministration<OutboxEvent>;

  /** With the feature `rowLocks`: locks the row of a stored event until the transaction ends, and changes nothing of it. */
  lockEvent?(tx: Tx, id: string): Promise<void>;

  /** With the feature `rootClient`: the client outside a transaction, which a strict outbox must refuse. */
  readonly rootClient?: unknown;
}
