import type { EventAdministration, InboxEvent, InboxEventRepository } from "@omni-box/core";
import type { ClosableHarness } from "../conformance-case.js";

/**
 * What an inbox repository can do beyond the common contract, and what its harness can provoke.
 *
 * - `leasedClaim`, `bulkOutcomes`, `keyHeads`, `ownedBuckets`: the repository's `capabilities` of the same name; declared and
 *   claimed must agree. `ownedBuckets` is `bucketsOf`, and needs `bulkOutcomes`.
 * - `administration`: people and maintenance can work on the stored events. Hook: `createAdministration`.
 * - `concurrentTransactions`: several transactions can be open at once (not so in SQLite).
 * - `writeConflicts`: the store locks the rows that a transaction writes, and ends a deadlock. Hook: `rewriteEffect`.
 * - `connectionLoss`: the connection of an open transaction can be cut. Hook: `cutConnection`.
 */
export type InboxRepositoryFeature =
  | "leasedClaim"
  | "bulkOutcomes"
  | "keyHeads"
  | "ownedBuckets"
  | "administration"
  | "concurrentTransactions"
  | "writeConflicts"
  | "connectionLoss";

/**
 * An adapter's way into `inboxRepositoryCases`: an empty inbox, and a table of the application's own beside it whose rows
 * show what became of a handler's writes.
 *
 * A fresh harness is made for every case; its store holds no events and no effects, and with `ownedBuckets` no workers, and
 * buckets that have never been owned or none. Truncating shared tables in the factory
 * is enough when the cases of one file run one after the other, as they do in Vitest.
 *
 * @typeParam Tx - what handlers write through; the cases only pass it on
 */
export interface InboxRepositoryHarness<Tx> extends ClosableHarness {
  /**
   * Makes a repository over the harness's store. A case calls it several times to act as several processes: give each its
   * own connections where you can, or return the same repository. Up to eight transactions are open at once.
   */
  createRepository(): InboxEventRepository<Tx>;

  /** Writes one row of the application with this name through the transaction's client. Names may repeat: every call adds a row. */
  writeEffect(tx: Tx, name: string): Promise<void>;

  /** How many rows of this name have been committed. Not part of any transaction. */
  countEffects(name: string): Promise<number>;

  /** Sends a statement that the store refuses, such as a division by zero, and rejects with what the driver says of it. */
  failStatement(tx: Tx): Promise<void>;

  /**
   * Makes the store behave as if `ms` had passed: leases run out and backoffs become due. The time-outs of open transactions
   * are not concerned.
   *
   * With a store whose clock cannot be moved, shift the stored times instead, in one statement for all rows:
   * `SET lease_until = lease_until - $1, next_attempt_at = next_attempt_at - $1, scheduled_at = scheduled_at - $1`. With
   * `ownedBuckets` the leases of buckets and of workers are shifted too; with `administration` all times of events are, when they
   * were created, completed, failed and published as dead letters, and when their dead letters are due.
   */
  advanceTime(ms: number): Promise<void>;

  /** With the feature `administration`: makes one over the harness's store. A case calls it several times to act as several people. */
  createAdministration?(): EventAdministration<InboxEvent>;

  /** With the feature `writeConflicts`: changes the committed rows of this name, and so waits for others that change them. */
  rewriteEffect?(tx: Tx, name: string): Promise<void>;

  /** With the feature `connectionLoss`: ends the connection that the open transaction uses; others are left alone. */
  cutConnection?(tx: Tx): Promise<void>;
}
