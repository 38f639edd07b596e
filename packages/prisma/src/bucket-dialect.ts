import type { AcquireRequest, BucketFence, BucketReadRequest, EventRef, HeadState } from "@omni-box/core";
import type { Statement } from "./statement.js";

/** One row of the answer to {@link BucketDialect.renew}: a bucket that is held, and whether its lease was extended. */
export interface RenewedBucketRow {
  readonly bucket: number;
  readonly is_renewed: boolean;
}

/** One row of the answer to {@link BucketDialect.acquire}. */
export interface AcquiredBucketRow {
  readonly bucket: number;
  readonly epoch: bigint;
  readonly unclean_takeovers: number;
}

/** One row of the answer to {@link BucketDialect.survey}. Where no worker lives there is one row without. */
export interface SurveyRow {
  readonly bucket_count: number;
  readonly free: number;
  readonly id: string | null;
  readonly owned: number | null;
}

/** The last row of the answers to {@link BucketDialect.read} and {@link BucketDialect.peek}, without an event; in the others `null`. */
export interface WritersRow {
  /** Ids of open transactions, behind a `-` those that are hidden, behind a `+` those that may not be. */
  readonly writers: readonly string[] | null;
}

/** One row of the answer to {@link BucketDialect.peek}. */
export interface PeekedEventRow extends WritersRow {
  readonly seq: bigint;
  readonly id: string;
  readonly bucket: number;
  readonly partition_key: string;
  readonly attempts_made: number;
  readonly started_attempts: number;
  readonly is_due: boolean;
}

/** A bucket that another transaction has locked, so that nothing was done with it. */
export interface PassedOverRow {
  readonly bucket: number;
}

/** One row of the answer to {@link BucketDialect.failedHeads}. */
export interface FailedHeadRow {
  readonly bucket: number;
  readonly partition_key: string;
  readonly seq: bigint;
}

/** One row of the answer to {@link BucketDialect.headStates}. */
export type HeadStateRow = HeadState;

/** The SQL of `BucketOperations`, in one database's language. Each method makes one statement. */
export interface BucketDialect {
  /** Makes the buckets unless they are there, and how many those are; `null`: they came with a migration. */
  readonly toMake: { readonly statement: Statement; readonly bucketCount: number } | null;
  /** Returns {@link RenewedBucketRow}. */
  renew(fence: BucketFence, leaseMs: number): Statement;
  /** Returns {@link SurveyRow}. */
  survey(graceMs: number): Statement;
  /** Returns {@link AcquiredBucketRow}. */
  acquire(request: AcquireRequest): Statement;
  /** Returns {@link PassedOverRow}. */
  release(fence: BucketFence): Statement;
  leave(owner: string): Statement;
  /** Returns {@link PassedOverRow}. */
  markClean(fence: BucketFence): Statement;

  /** Returns rows for `EventDialect.readEvent`, each with `is_due`, and a {@link WritersRow}. */
  read(request: BucketReadRequest): Statement;
  /** Returns {@link PeekedEventRow}, and a {@link WritersRow}. */
  peek(request: BucketReadRequest): Statement;
  /** Returns {@link HeadStateRow}. */
  headStates(seqs: readonly bigint[]): Statement;
  /** Returns {@link FailedHeadRow}. */
  failedHeads(buckets: readonly number[]): Statement;

  /** Changes what the fence holds and returns it as `EndedSchedule`. */
  endSchedules(fence: BucketFence, limit: number): Statement;
  /** Changes what the fence holds and returns the `seq` of each row that the fence kept from being changed. */
  recordStarted(fence: BucketFence, row: EventRef, startedAttempts: number): Statement;
}
