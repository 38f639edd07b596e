import type { FailureDescription } from "../errors/describe-failure.js";
import type { BaseEvent } from "../events/outbox-event.js";
import type { Outcome } from "../pipeline/outcome.js";
import type { Clock } from "../protocols/clock.js";
import type { EventRepository, FetchFilters, RepositoryCapabilities } from "../protocols/event-repository.js";
import type { Fence } from "../protocols/fence.js";
import type { Logger } from "../protocols/logger.js";
import type { CommitReport } from "./commit-strategy.js";
import type { EventResult } from "./decide-rows.js";

/** A request for the next batch. */
export interface FetchRequest {
  readonly limit: number;
  readonly filters?: FetchFilters | undefined;
}

/** Who fetches. */
export interface FetchWorker {
  readonly workerId: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /**
   * The group whose events are wanted, of an inbox; default: all events. Its handlers may be at work for as long as what was
   * claimed is held.
   */
  readonly consumerGroup?: string | undefined;
}

/** Events that this worker may work on, with the proof that it may. */
export interface ClaimedBatch<E extends BaseEvent> {
  /** In `seq` order, at least within a key. */
  readonly events: readonly E[];
  readonly fence: Fence;
  readonly deadline: BatchDeadline<E>;
  /** There may be more that is due; default: when the batch is full. */
  readonly hasMore?: boolean | undefined;
  /** `undefined`: the events may be worked on in any order, and each is written back. */
  readonly order?: BatchOrder<E> | undefined;
  /** Events that the claim has failed instead of claiming them, because they have killed their process each time before; default none. */
  readonly crashed?: readonly CrashedEvent[] | undefined;
  /** Whether the event was claimed alone, with its start counted; default: none was. */
  isStartCounted?(event: E): boolean;
}

/** An event that was failed unread. */
export interface CrashedEvent {
  readonly id: string;
  /** Its counted failures, with this one. */
  readonly attemptsMade: number;
  readonly failure: FailureDescription;
}

/** How long the events of a batch may be worked on. */
export interface BatchDeadline<E extends BaseEvent> {
  /** Of one event, or of the whole batch. Zero or less when the time is over. */
  remainingMs(event?: E): number;
}

/**
 * Keeps the events of a key in order, also across batches, and keeps in memory what need not be written.
 *
 * Under it an event that is deferred or released costs no statement: it stays with this worker.
 */
export interface BatchOrder<E extends BaseEvent> {
  /** Waits for the event's turn. `false`: an earlier event of its key did not complete, so that this one must not be worked on now. */
  enter(event: E): Promise<boolean> | boolean;
  /** Says what became of an event that entered, as soon as it is known; also after the batch has given it up. */
  leave(event: E, outcome: Outcome): void;
  /** Says what was recorded; called once. Events without a result are still in work. */
  settled(results: readonly EventResult<E>[], report: CommitReport): void;
}

/** What a session knows of its own state, for a health endpoint; asks nobody. */
export interface FetchCondition {
  /** Why what it holds cannot be kept: the store does not answer what is asked about that; `null` while it does. */
  readonly failure: FailureDescription | null;
  /** Partition keys that stand still behind a failed event, as far as it has seen. */
  readonly blockedKeys: number;
  /** Buckets that it owns and may read. */
  readonly ownedBuckets: number;
}

/** What one worker fetches with, from its start to its stop. */
export interface FetchSession<E extends BaseEvent> {
  /** Claims the next due events; an empty batch when there are none. Rejects as the repository does. Called one at a time. */
  fetch(request: FetchRequest): Promise<ClaimedBatch<E>>;
  /** Whether an empty batch means that nothing is due; `false` while others may hold what this worker could get. */
  readonly seesAll: boolean;
  /** From now on `seesAll` is said of what fetches find that begin later: what was not due when it was last looked at may be due. */
  recheck?(): void;
  /** There only where something is held between two fetches. */
  readonly condition?: FetchCondition | undefined;
  /** Gives up what can be given up. Never rejects. */
  close(): Promise<void>;
}

/** A way for several workers to divide the events of one table among them. */
export interface FetchStrategy {
  readonly name: string;
  /** How long a claim lasts. */
  readonly leaseMs: number;
  /** How long a claim must have been over before another worker takes what was claimed; default 0 ms. */
  readonly takeoverGraceMs?: number;
  /** Whether the processor extends the leases of what is in work; default `false`. */
  readonly heartbeat?: boolean;
  /** What the repository must be able to do. */
  readonly requires: readonly (keyof RepositoryCapabilities)[];
  /** Opens a session for one run of a worker. */
  open<E extends BaseEvent>(repository: EventRepository<E>, worker: FetchWorker): FetchSession<E>;
}
