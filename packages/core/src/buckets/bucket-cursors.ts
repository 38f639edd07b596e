import type { BucketPosition } from "../protocols/bucket-operations.js";

/**
 * How far each bucket has been read. A cursor only saves work: an event may be committed after others with a greater `seq`, or be
 * pending again, so cursors go back, a little way as late commits demand and all the way now and then.
 */
export interface BucketCursors {
  /** Where to go on reading the buckets, each from another one first, `limit` events in all and `ofBucket(bucket)` of one. */
  positions(buckets: readonly number[], limit: number, ofBucket: (bucket: number) => number): readonly BucketPosition[];
  /** Up to where a bucket was read. */
  readTo(bucket: number): bigint;
  /** Notes what was read, in the order of `seq` within each bucket. */
  advance(rows: readonly { readonly bucket: number; readonly seq: bigint }[]): void;
  /** Notes that nothing is left in the buckets behind what was read of them. */
  atEnd(buckets: readonly number[]): void;
  /** Reads a bucket again from this event on. */
  rewind(bucket: number, seq: bigint): void;
  /** Goes back to behind this `seq` in all buckets. */
  rewindTo(seq: bigint): void;
  /** Goes back to the beginning. */
  rewindAll(): void;
  /** Forgets a bucket, which is read from its beginning if it comes back. */
  forget(bucket: number): void;
}

/** Events that are asked of each bucket at least: more than a hand-full costs little. */
const leastOfBucket = 8;

/** Makes cursors that are at the beginning. */
export function createBucketCursors(): BucketCursors {
  const readTo = new Map<number, bigint>();
  /** Buckets that gave something when they were last asked. */
  const busy = new Set<number>();
  /** Of all that was read; what is committed later with a lower `seq` is for late commits to say. */
  let highest = 0n;
  /** The bucket that was read last; the next read begins behind it. */
  let last = -1;

  return {
    positions(buckets, limit, ofBucket) {
      if (buckets.length === 0) return [];
      const turn = buckets.indexOf(last) + 1;
      const rotated = [...buckets.slice(turn), ...buckets.slice(0, turn)];
      // Busy buckets share the batch, twice over because some of them have less than their share.
      const share = Math.ceil((2 * limit) / Math.max(1, busy.size));
      return rotated.flatMap((bucket) => {
        const most = Math.min(Math.max(leastOfBucket, busy.has(bucket) ? share : leastOfBucket), ofBucket(bucket));
        return most > 0 ? [{ bucket, afterSeq: readTo.get(bucket) ?? 0n, limit: most }] : [];
      });
    },
    readTo: (bucket) => readTo.get(bucket) ?? 0n,
    advance(rows) {
      busy.clear();
      for (const { bucket, seq } of rows) {
        busy.add(bucket);
        last = bucket;
        readTo.set(bucket, seq);
        if (seq > highest) highest = seq;
      }
    },
    atEnd(buckets) {
      for (const bucket of buckets) readTo.set(bucket, highest);
    },
    rewind(bucket, seq) {
      const present = readTo.get(bucket);
      if (present !== undefined && present >= seq) readTo.set(bucket, seq - 1n);
    },
    rewindTo(seq) {
      for (const [bucket, present] of readTo) if (present > seq) readTo.set(bucket, seq);
    },
    rewindAll() {
      readTo.clear();
    },
    forget(bucket) {
      readTo.delete(bucket);
    },
  };
}
