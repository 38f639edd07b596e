import type { BaseEvent } from "../events/outbox-event.js";
import type { EventRef, OutcomeReceipt } from "./event-repository.js";
import type { BucketFence } from "./fence.js";

/** One living worker, and how many buckets it owns. */
export interface BucketWorker {
  readonly id: string;
  readonly owned: number;
}

/** Who owns how much. */
export interface BucketSurvey {
  /** Living workers, also those that own nothing. */
  readonly workers: readonly BucketWorker[];
  readonly bucketCount: number;
  /** Buckets that may be acquired now: without an owner, or with a lease that ran out `graceMs` ago. */
  readonly free: number;
}

/** A request to acquire buckets. */
export interface AcquireRequest {
  readonly owner: string;
  readonly leaseMs: number;
  /** How long a lease must have been over before the bucket is taken from an owner that did not give it up. */
  readonly graceMs: number;
  /** Buckets at most. */
  readonly limit: number;
}

/** A bucket that was acquired. */
export interface AcquiredBucket {
  readonly bucket: number;
  readonly epoch: bigint;
  /** How many owners in a row did not give it up themselves and left it without `markClean`; 0 when it is clean. */
  readonly uncleanTakeovers: number;
}

/** What became of the buckets of a renewal. Those in neither list are lost. */
export interface RenewedBuckets {
  /** Held, with their leases extended. */
  readonly held: readonly number[];
  /** Held as far as was seen, and not extended: another transaction has locked them, and the others must not wait for it. */
  readonly passedOver: readonly number[];
}

/** From where one bucket is read. */
export interface BucketPosition {
  readonly bucket: number;
  /** Only events with a greater `seq`. */
  readonly afterSeq: bigint;
  /** Events of this bucket at most. */
  readonly limit: number;
}

/** A request to read events of owned buckets. */
export interface BucketReadRequest {
  /** In the order in which the buckets are read. */
  readonly from: readonly BucketPosition[];
  /** Events of all buckets at most. */
  readonly limit: number;
  /** Events in hand, which are left out. */
  readonly exceptSeqs: readonly bigint[];
  /** Partition keys that wait, whose events are left out. */
  readonly exceptKeys: readonly string[];
}

/** An event whose schedule has ended. */
export interface EndedSchedule {
  readonly bucket: number;
  readonly seq: bigint;
}

/** An event that was read. */
export interface BucketRow<E extends BaseEvent> {
  readonly event: E;
  /** Whether its backoff is over, and no lease is on the row itself (`lock`, a worker that leases), on the store's clock. */
  readonly isDue: boolean;
}

/** An event without its content. */
export interface PeekedRow extends EventRef {
  readonly bucket: number;
  readonly partitionKey: string;
  readonly attemptsMade: number;
  readonly startedAttempts: number;
  readonly isDue: boolean;
}

/** A transaction that may have added events, and had not ended when the read had begun. */
export interface OpenWriter {
  /** Of this transaction and no other, as long as the store runs. */
  readonly id: string;
  /** Whether the read has certainly seen nothing of it. Else it may have ended just in time to be seen. */
  readonly isHidden: boolean;
}

/** What a read has found. */
export interface BucketReading<Row> {
  readonly rows: readonly Row[];
  /**
   * Every transaction that has begun to add events and is not seen by the read, whichever buckets they are of; others besides do
   * no harm. An event of one that is left out must be seen by the very next read.
   */
  readonly writers: readonly OpenWriter[];
}

/** What became of an event that its key waits for. One that is completed or gone is not answered. */
export interface HeadState {
  readonly seq: bigint;
  readonly state: "due" | "backingOff" | "failed";
}

/** The earliest failed event of a key. */
export interface FailedHead {
  readonly bucket: number;
  readonly partitionKey: string;
  readonly seq: bigint;
}

/**
 * Ownership of buckets, and reading what is in them.
 *
 * Common to all methods what {@link EventRepository} says. `acquire` locks the bucket's row, in the same statement, against
 * outcome statements: a bucket in which one is under way is passed over, or waited for. `renew` and `release` wait for nobody's
 * outcome; after a `release` it is the next `acquire` that must not overtake one.
 */
export interface BucketOperations<E extends BaseEvent> {
  /**
   * Enters the owner among the living workers and extends its buckets' leases, both to `leaseMs` from now.
   *
   * A lease that ran out without a take-over is held again. Waits for no transaction that has locked a bucket: one that stays
   * open must not cost the worker its other buckets.
   */
  renew(fence: BucketFence, leaseMs: number): Promise<RenewedBuckets>;

  /** Reads who owns what. `graceMs` as in {@link AcquireRequest}. */
  survey(graceMs: number): Promise<BucketSurvey>;

  /**
   * Takes free buckets, lowest number first, each under a new epoch. The epoch also rises for a bucket of the same owner, who
   * has then not died in it: it is as clean as it was.
   *
   * After a rejection some buckets may be owned; the owner's next `acquire` does not answer them, and they come back when
   * their lease has run out.
   */
  acquire(request: AcquireRequest): Promise<readonly AcquiredBucket[]>;

  /**
   * Gives buckets up, so that others may take them at once; they stay as clean as they were. Call it only with nothing in flight.
   *
   * @returns those that another transaction has locked: they are held as before, and are not waited for
   */
  release(fence: BucketFence): Promise<readonly number[]>;

  /** Removes the owner from the living workers. */
  leave(owner: string): Promise<void>;

  /**
   * Notes that the buckets are clean: what their last owner left behind has been dealt with.
   *
   * @returns those that another transaction has locked: they are as they were, and are not waited for
   */
  markClean(fence: BucketFence): Promise<readonly number[]>;

  /**
   * Reads pending events without a schedule in the order of `from`, and in the order of `seq` within a bucket, due or not, all as
   * of one moment. Changes nothing.
   *
   * The transactions that have yet to end are looked up after that moment.
   */
  read(request: BucketReadRequest): Promise<BucketReading<BucketRow<E>>>;

  /**
   * Ends the schedules of pending events of the held buckets whose time has come, the earliest first, at most `limit`: sets their
   * `scheduledAt` to null, so that from then on they are read by their `seq` like all others. Under the fence, as outcomes are.
   * Whether they back off, or are under a lease of their own, makes no difference, and nothing else of them changes. One whose row
   * another transaction has locked may be left to a later call.
   *
   * After a rejection some may have ended unnoticed; a read from the beginning of their bucket finds them.
   *
   * @returns which they are, in any order; none of a bucket that is not held any more
   */
  endSchedules(fence: BucketFence, limit: number): Promise<readonly EndedSchedule[]>;

  /** Like `read`, but does not fetch what the events contain: it may be what kills the process. */
  peek(request: BucketReadRequest): Promise<BucketReading<PeekedRow>>;

  /** Tells for each event, by its `seq`, what became of it. */
  headStates(seqs: readonly bigint[]): Promise<readonly HeadState[]>;

  /** The earliest failed event of each key in the buckets. */
  failedHeads(buckets: readonly number[]): Promise<readonly FailedHead[]>;

  /** Sets the count of starts of one pending event under the fence; `missing` as for outcomes. */
  recordStarted(fence: BucketFence, row: EventRef, startedAttempts: number): Promise<OutcomeReceipt>;
}
