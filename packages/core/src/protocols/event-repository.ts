import type { BaseEvent } from "../events/outbox-event.js";
import type { BucketOperations } from "./bucket-operations.js";
import type { Fence, LeaseFence } from "./fence.js";

/** What a repository can do beyond the operations on single events; asking for more is `CONFIG.UNSUPPORTED_CAPABILITY`. */
export interface RepositoryCapabilities {
  /** `claim` leases many rows in one statement that parallel claimers never share. */
  readonly leasedClaim: boolean;
  /** The `record…` methods take many rows in one statement. Without it they are called with one row at a time. */
  readonly bulkOutcomes: boolean;
  /** `findDue` and `claim` can be limited to the earliest pending event of each key. */
  readonly keyHeads: boolean;
  /** There are `buckets`, or `bucketsOf` a consumer group, which workers can own, and the `record…` methods take their fence. */
  readonly ownedBuckets: boolean;
}

/** Narrows a fetch. Several fields all have to match; several values of one field are alternatives; an empty list matches nothing. */
export interface FetchFilters {
  readonly topics?: readonly string[];
  readonly types?: readonly string[];
  /** Only outbox events have one: in an inbox it matches nothing. */
  readonly aggregateTypes?: readonly string[];
  /** Only inbox events have one: in an outbox it matches nothing. */
  readonly consumerGroup?: string;
  /** Only inbox events have one: in an outbox it matches nothing. */
  readonly sources?: readonly string[];
}

/** Names one stored row: `seq` finds it, `id` is for people and logs. */
export interface EventRef {
  readonly id: string;
  readonly seq: bigint;
}

/** A request to read due events. */
export interface DueQuery {
  /** At least 1. */
  readonly limit: number;
  readonly filters?: FetchFilters;
  /**
   * Only the earliest pending event of each partition key (and consumer group), so that keys stay in order; default `false`.
   * An event that is leased or backs off holds the later ones of its key back. Asked only with `capabilities.keyHeads`.
   */
  readonly keyHeadsOnly?: boolean;
}

/** The lease that a claim wants to write. */
export interface LeaseRequest {
  /** A fresh random UUID, never used before. */
  readonly token: string;
  readonly workerId: string;
  /** Duration from the statement's own time on the store's clock. */
  readonly leaseMs: number;
}

/** A request to lease due events. */
export interface ClaimRequest extends DueQuery, LeaseRequest {}

/** A row that was worked on with success. */
export type CompletedRow = EventRef;

/** A row that stays pending: retried, deferred or released. */
export interface PendingRow extends EventRef {
  /** Absolute, so that repeating the statement changes nothing. The store caps it at `maxAttempts`. */
  readonly attemptsMade: number;
  /** Absolute too: 0 after any work that ended, what it was when nothing was begun. */
  readonly startedAttempts: number;
  /** Earliest next attempt, from the statement's own time; `null` clears the backoff. */
  readonly delayMs: number | null;
  /** Sanitised and bounded; `null` leaves the stored one. */
  readonly error: string | null;
}

/** A row that is given up. */
export interface FailedRow extends EventRef {
  /** Absolute; the store caps it at `maxAttempts`. */
  readonly attemptsMade: number;
  readonly error: string;
}

/** What an outcome statement changed. */
export interface OutcomeReceipt {
  /**
   * Under a lease: rows that were not written, because the lease is lost, the row is gone, or it is no longer pending. Under
   * owned buckets: rows that may still be pending and whose bucket is not held any more.
   */
  readonly missing: readonly EventRef[];
}

/**
 * Storage of events, as the processor needs it. Outbox and inbox repositories extend it.
 *
 * Common to all methods: each is one atomic, auto-committed step that relies on no session state; safe to call
 * concurrently from any number of processes; times are compared on the store's own clock unless `capabilities` of
 * the adapter says otherwise. A rejection with a `transient` code means that the outcome is unknown: the step may have
 * happened. Repeating any `record…` call is harmless.
 *
 * @throws {OmniBoxError} STORE.UNREACHABLE, STORE.TIMEOUT or STORE.CONFLICT when the store could not answer; may have happened.
 * @throws {OmniBoxError} STORE.SCHEMA_MISSING or STORE.ACCESS_DENIED when tables or rights are missing; nothing happened.
 * @throws {OmniBoxError} STORE.DATA_ERROR when the store refused a value; nothing of the call was written.
 */
export interface EventRepository<E extends BaseEvent> {
  readonly capabilities: RepositoryCapabilities;

  /** Ownership of buckets; there with `capabilities.ownedBuckets`, unless the events are divided into consumer groups. */
  readonly buckets?: BucketOperations<E>;

  /**
   * Ownership of the buckets of one consumer group, which no other group's workers see; there with `capabilities.ownedBuckets`
   * in an inbox. The group's buckets are made, unless they are there, by its first `renew` or `acquire`; a `survey` before
   * that makes none, and tells of all as free. An owner belongs to one group.
   */
  bucketsOf?(consumerGroup: string): BucketOperations<E>;

  /**
   * Checks that the store is usable: tables, schema version, bucket count. Reads only.
   *
   * @returns one sentence per problem that says what is wrong and what to do; empty when all is well.
   */
  verify(): Promise<readonly string[]>;

  /** Reads one event, or `null` if there is none (with `onPublished: "delete"` a published event is gone). */
  findById(id: string): Promise<E | null>;

  /** Reads due, unleased events in `seq` order without taking them. Which ones, beyond the limit, is up to the store. */
  findDue(query: DueQuery): Promise<readonly E[]>;

  /**
   * Leases up to `limit` due events and returns them in `seq` order.
   *
   * Due: pending, `nextAttemptAt` (else `scheduledAt`) reached, no lease or an expired one. Those that have been due longest come first. Never more than `limit`, never a
   * row that a parallel claim got. A row whose former lease ran out without an outcome, and whose `startedAttempts` is 0, gets
   * `startedAttempts` 1: its worker may have died of it. After a rejection some rows may be leased under the token; they come back when it expires.
   * Called only with `capabilities.leasedClaim`.
   */
  claim(request: ClaimRequest): Promise<readonly E[]>;

  /** Leases one pending event unless someone holds an unexpired lease on it; `null` when it could not be had. Not tied to due times. */
  lock(id: string, lease: LeaseRequest): Promise<E | null>;

  /** Extends the lease of the rows still held under the fence to `leaseMs` from now. */
  extendLease(fence: LeaseFence, rows: readonly EventRef[], leaseMs: number): Promise<OutcomeReceipt>;

  /** Removes any lease from a pending event and notes the reason in `lastError`; returns the event as it is then, or `null`. */
  forceUnlock(id: string, reason: string): Promise<E | null>;

  /** Marks rows as completed, with `startedAttempts` 0, or deletes them where the repository is configured so. */
  recordCompleted(fence: Fence, rows: readonly CompletedRow[]): Promise<OutcomeReceipt>;

  /** Releases rows as still pending, with attempts, starts, backoff and error as given. */
  recordPending(fence: Fence, rows: readonly PendingRow[]): Promise<OutcomeReceipt>;

  /** Marks rows as failed, with `startedAttempts` 0, and releases them. */
  recordFailed(fence: Fence, rows: readonly FailedRow[]): Promise<OutcomeReceipt>;
}
