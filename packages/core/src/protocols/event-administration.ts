import type { BaseEvent, EventStatus } from "../events/outbox-event.js";
import type { EventRef, FetchFilters } from "./event-repository.js";

/** Which events an operation is about. Several fields all have to match; several values of one field are alternatives; an empty list matches nothing. */
export interface EventFilter extends FetchFilters {
  /** Ids of events. One that is no UUID matches nothing. */
  readonly ids?: readonly string[];
  readonly statuses?: readonly EventStatus[];
  readonly partitionKeys?: readonly string[];
  /** Text that `lastError` contains, upper and lower case alike; at least one character. */
  readonly errorContains?: string;
  /** Inserted at this time or later. */
  readonly createdFrom?: Date;
  /** Inserted before this time. */
  readonly createdBefore?: Date;
}

/** A page of events. */
export interface EventListQuery {
  readonly filter: EventFilter;
  /** At most this many, 1 to 1,000. */
  readonly limit: number;
  /** `"oldest"` first, the default, or `"newest"`: by `seq`. */
  readonly order?: "oldest" | "newest";
  /** Only events beyond this `seq` in that order: the last one of the page before. */
  readonly after?: bigint;
}

/** One thing that happened to an event. */
export interface EventHistoryEntry {
  /** On the store's clock. */
  readonly at: Date;
  readonly what: "retried" | "failed" | "requeued" | "skipped" | "deadLettered" | "deadLetterFailed";
  /** `attemptsMade` after it. */
  readonly attemptsMade: number;
  /** The failure, sanitised and bounded, or the reason that a person gave; `null` when there is none. */
  readonly note: string | null;
}

/** An event with what only people ask for. */
export interface AdministeredEvent<E extends BaseEvent> {
  readonly event: E;
  /** When it became failed; `null` unless it is. Of one that a former version failed: when it was inserted. */
  readonly failedAt: Date | null;
  /** When a dead-letter publisher had its copy confirmed; `null` if that has not happened since it failed. */
  readonly deadLetteredAt: Date | null;
  /**
   * Counted failures and what people did, oldest first; the last 20 at most. Of dead letters that failed one after the other only
   * the last one is kept.
   */
  readonly history: readonly EventHistoryEntry[];
}

/** A change of many events. */
export interface EventChangeRequest {
  readonly filter: EventFilter;
  /** Kept in the events' history; at most 300 characters. */
  readonly reason?: string;
  /** Events at most, 1 to 10,000, lowest `seq` first: call again while `more` is true. */
  readonly limit: number;
  /** `true`: changes nothing, and reports what would be. */
  readonly dryRun?: boolean;
}

/** What a change did, or would do. */
export interface EventChangeReport {
  /** Which events were changed, by `seq`. */
  readonly changed: readonly EventRef[];
  /** Of the filter's `ids`: events that the filter matches, but that are in no state for this change. Empty without `ids`. */
  readonly refused: readonly { readonly id: string; readonly seq: bigint; readonly status: EventStatus }[];
  /** Of the filter's `ids`: those that no event has. */
  readonly missingIds: readonly string[];
  /** Whether there are more: beyond `limit`, or left out because somebody else had locked them. */
  readonly more: boolean;
}

/** A key with a failed event: its later ones wait for it, unless the workers skip over failed events. */
export interface BlockedKey {
  readonly partitionKey: string;
  /** Of an inbox; `null` in an outbox. */
  readonly consumerGroup: string | null;
  readonly bucket: number;
  /** The earliest failed event. */
  readonly head: {
    readonly id: string;
    readonly seq: bigint;
    readonly type: string;
    readonly lastError: string | null;
  };
  /** When the head became failed; as for `failedAt`. */
  readonly since: Date;
  /**
   * Pending events behind it, counted among the 10,000 that come next in its bucket; of several blocked keys of a bucket the 10,000 may be
   * those behind the first one. In a larger backlog it is too low.
   */
  readonly waiting: number;
}

/** How much there is of everything. Counts stop at `countLimit`. */
export interface EventStatistics {
  readonly pending: number;
  readonly failed: number;
  readonly completed: number;
  /** Failed, and wanted by a dead-letter publisher that has not had its copy confirmed. */
  readonly awaitingDeadLetter: number;
  /** No count goes beyond this: the real number may be higher when it is reached. */
  readonly countLimit: number;
  /** How long ago the time of the pending event came that has been due longest, on the store's clock; `null` when none is due. */
  readonly oldestPendingMs: number | null;
  /** Keys with failed events; the real number may be higher when `failed` reaches `countLimit`. */
  readonly blockedKeys: number;
  /** Pending events under a lease that has run out, of the `countLimit` that have been due longest. */
  readonly expiredLeases: number;
  /** Who owns the buckets; empty where nobody can. */
  readonly owners: readonly BucketOwner[];
  /** Buckets that no living owner holds. */
  readonly unownedBuckets: number;
}

/** One worker that owns buckets, or has entered to own some. */
export interface BucketOwner {
  readonly id: string;
  readonly buckets: readonly number[];
  /** In milliseconds from now on the store's clock; below zero when it has run out. */
  readonly leaseRemainingMs: number;
}

/** A request to remove old events. */
export interface RemoveOldRequest {
  readonly status: "completed" | "failed";
  /** Since it was completed or failed, on the store's clock. */
  readonly olderThanMs: number;
  /** Rows at most, 1 to 10,000. */
  readonly limit: number;
  readonly consumerGroup?: string;
  /** `true`: of failed events only those whose dead letter is published; default `false`. */
  readonly onlyDeadLettered?: boolean;
}

/** Names one failure of an event: one that was requeued and failed again is another one. */
export interface DeadLetterRef extends EventRef {
  /** As it was taken. */
  readonly failedAt: Date;
}

/** A failed event that a dead-letter publisher has taken. */
export interface DeadLetter<E extends BaseEvent> {
  readonly event: E;
  /** To be named when the result is recorded. */
  readonly failedAt: Date;
  /** Publications of it that failed before. */
  readonly attemptsMade: number;
}

/** A request to take failed events that have no dead letter yet. */
export interface TakeDeadLettersRequest {
  readonly limit: number;
  /** How long they stay hidden from other dead-letter publishers. */
  readonly leaseMs: number;
  readonly filters?: FetchFilters;
}

/** A dead letter that could not be published. */
export interface DeadLetterFailure extends DeadLetterRef {
  /** Sanitised and bounded. */
  readonly error: string;
  /** From the statement's own time. */
  readonly delayMs: number;
  /** Absolute, so that repeating it changes nothing. */
  readonly attemptsMade: number;
}

/**
 * What people and maintenance do with stored events, beside the workers.
 *
 * Every method is one atomic, auto-committed step, safe to call concurrently, also while workers run; a change never waits for a
 * row that somebody else has locked, and leaves it out, except that a record of dead letters may wait for one. Times are the store's.
 * Repeating any of them does no harm. A rejection with a `transient` code means that the step may have happened.
 *
 * @throws {OmniBoxError} STORE.UNREACHABLE, STORE.TIMEOUT or STORE.CONFLICT when the store could not answer; may have happened.
 * @throws {OmniBoxError} STORE.SCHEMA_MISSING or STORE.ACCESS_DENIED when tables or rights are missing; nothing happened.
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS when a request breaks a limit; nothing happened.
 */
export interface EventAdministration<E extends BaseEvent> {
  list(query: EventListQuery): Promise<readonly AdministeredEvent<E>[]>;

  /** Reads one event, or `null` if there is none. */
  find(id: string): Promise<AdministeredEvent<E> | null>;

  /**
   * Makes failed events pending again, due at once, with no attempts made and their `seq` kept, so that they come before the later events
   * of their keys. Whether they have been dead letters is forgotten. Events that are not failed are refused.
   */
  requeue(request: EventChangeRequest): Promise<EventChangeReport>;

  /**
   * Gives failed events up for good: they become completed, and their keys go on behind them. They are kept until they are removed
   * as old, also where published events are deleted. Events that are not failed are refused.
   */
  skip(request: EventChangeRequest): Promise<EventChangeReport>;

  /** Removes events that are failed or completed. Pending ones are refused. */
  purge(request: EventChangeRequest): Promise<EventChangeReport>;

  /** Keys with failed events, each with the earliest of them, its head; by the `seq` of the heads. */
  blockedKeys(query: { readonly limit: number; readonly consumerGroup?: string }): Promise<readonly BlockedKey[]>;

  /** `countLimit`: default 100,000. */
  statistics(query?: { readonly countLimit?: number; readonly consumerGroup?: string }): Promise<EventStatistics>;

  /**
   * Removes events that were completed or failed long ago; leaves out rows that are locked. Returns how many.
   *
   * The age of an event that a former version failed counts from the first call that has come across it.
   */
  removeOld(request: RemoveOldRequest): Promise<number>;

  /**
   * Takes leases that have run out away from pending events. Returns how many, at most `limit`.
   *
   * Nobody has to wait for it, since workers take such events anyway; what a lease that ran out says is kept as by `claim`: its
   * worker may have died of the event, so `startedAttempts` becomes at least 1. Looks at the 100,000 that have been due longest.
   */
  releaseExpiredLeases(request: { readonly limit: number }): Promise<number>;

  /**
   * Takes failed events whose dead letter is due and not published, those first that have been due longest, and hides them from
   * others for `leaseMs`. Returns them in `seq` order.
   *
   * Without a result by then they come again. After a rejection some may be hidden; likewise.
   */
  takeDeadLetters(request: TakeDeadLettersRequest): Promise<readonly DeadLetter<E>[]>;

  /** Notes that the dead letters of these failures are published. Events that were requeued meanwhile are left alone. */
  recordDeadLettered(rows: readonly DeadLetterRef[]): Promise<void>;

  /** Notes why the dead letters of these failures could not be published, and when they are due again; likewise. */
  recordDeadLetterFailed(rows: readonly DeadLetterFailure[]): Promise<void>;
}
