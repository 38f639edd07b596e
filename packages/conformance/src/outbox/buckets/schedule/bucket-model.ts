import type { EventRef } from "@omni-box/core";
import { bucketScheduleTimes } from "./bucket-schedule-step.js";

const { leaseMs, graceMs, backoffMs } = bucketScheduleTimes;
/** No event has a higher one. */
const lastSeq = 9_223_372_036_854_775_807n;

/** What the store should hold of one bucket. */
export interface ModelBucket {
  readonly bucket: number;
  owner: string | null;
  epoch: bigint;
  leaseEndsMs: number;
  uncleanTakeovers: number;
}

/** What the store should hold of one event. */
export interface ModelBucketEvent extends EventRef {
  readonly bucket: number;
  status: "pending" | "failed" | "gone";
  attemptsMade: number;
  startedAttempts: number;
  notBeforeMs: number | null;
}

/** The simplest thing that behaves as owned buckets should, step by step. */
export class BucketModel {
  readonly events: ModelBucketEvent[] = [];
  readonly buckets: ModelBucket[];
  private readonly living = new Map<string, number>();
  private nowMs = 0;

  /** @param epochs - of each bucket that workers contend for; nobody owns it, and it is clean */
  constructor(epochs: ReadonlyMap<number, bigint>) {
    this.buckets = [...epochs].map(([bucket, epoch]) => {
      return { bucket, epoch, owner: null, leaseEndsMs: 0, uncleanTakeovers: 0 };
    });
  }

  /** Behind the events of all schedules before this one, which may still be stored. */
  afterSeq(): bigint {
    const first = this.events[0];
    return first === undefined ? lastSeq : first.seq - 1n;
  }

  pass(ms: number): void {
    this.nowMs += ms;
  }

  add(event: EventRef & { readonly bucket: number }): void {
    this.events.push({ ...event, status: "pending", attemptsMade: 0, startedAttempts: 0, notBeforeMs: null });
  }

  free(): ModelBucket[] {
    return this.buckets.filter(({ owner, leaseEndsMs }) => owner === null || leaseEndsMs + graceMs <= this.nowMs);
  }

  /** Notes an acquisition as the store answered it. */
  acquire(bucket: ModelBucket, owner: string, epoch: bigint, uncleanTakeovers: number): void {
    Object.assign(bucket, { owner, epoch, uncleanTakeovers, leaseEndsMs: this.nowMs + leaseMs });
  }

  held(owner: string, epochs: ReadonlyMap<number, bigint>): ModelBucket[] {
    return this.buckets.filter((bucket) => bucket.owner === owner && epochs.get(bucket.bucket) === bucket.epoch);
  }

  renew(owner: string, epochs: ReadonlyMap<number, bigint>): number[] {
    this.living.set(owner, this.nowMs + leaseMs);
    return this.held(owner, epochs).map((bucket) => {
      bucket.leaseEndsMs = this.nowMs + leaseMs;
      return bucket.bucket;
    });
  }

  leave(owner: string): void {
    this.living.delete(owner);
  }

  workers(): string[] {
    return [...this.living].flatMap(([id, untilMs]) => (untilMs > this.nowMs ? [id] : []));
  }

  /** Those of the bucket that are to be worked on, and whether each is due. */
  pendingIn(bucket: number): { readonly seq: bigint; readonly isDue: boolean }[] {
    return this.events
      .filter((event) => event.bucket === bucket && event.status === "pending")
      .map(({ seq, notBeforeMs }) => ({ seq, isDue: (notBeforeMs ?? 0) <= this.nowMs }));
  }

  event(ref: EventRef): ModelBucketEvent | undefined {
    return this.events.find(({ seq }) => seq === ref.seq);
  }

  retry(event: ModelBucketEvent, attemptsMade: number): void {
    Object.assign(event, { attemptsMade, startedAttempts: 0, notBeforeMs: this.nowMs + backoffMs });
  }

  fail(event: ModelBucketEvent, attemptsMade: number): void {
    Object.assign(event, { attemptsMade, startedAttempts: 0, notBeforeMs: null, status: "failed" });
  }
}
