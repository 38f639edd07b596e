import type { BucketPosition } from "../protocols/bucket-operations.js";

/**
 * How far each bucket has been read. A cursor only saves work: an event may be committed after others with a greater `seq`, so
 * cursors go back, a little way often and all the way now and then.
 */
export interface BucketCursors {
  /** Where to go on reading the buckets, each from another one first, `limit` events in all and `ofBucket(bucket)` of one. */
  positions(buckets: readonly number[], limit: number, ofBucket: (bucket: number) => number): readonly BucketPosition[];
  /** Up to where a bucket was read. */
  readTo(bucket: number): bigint;
  /** Notes what was read, in the order of `seq` within each bucket. */
  advance(rows: readonly { readonly bucket: number; readonly seq: bigint }[]): void;
  /** Reads a bucket again from this event on. */
  rewind(bucket: number, seq: bigint): void;
  /** Goes back to where reading was `windowMs` ago. */
  rewindRecent(): void;
  /** Goes back to the beginning. */
  rewindAll(): void;
  /** Forgets a bucket, which is read from its beginning if it comes back. */
  forget(bucket: number): void;
}

/** Events that are asked of each bucket at least: more than a hand-full costs little. */
const leastOfBucket = 8;

/** The highest `seq` that had been read at a time. */
interface Mark {
  readonly atMs: number;
  readonly seq: bigint;
}

/**
 * @param windowMs - how far `rewindRecent` goes back; transactions that take no longer between `add` and commit are found by it
 * @param nowMs - a clock that never runs backwards
 */
export function createBucketCursors(windowMs: number, nowMs: () => number): BucketCursors {
  const readTo = new Map<number, bigint>();
  /** Buckets that gave something when they were last asked. */
  const busy = new Set<number>();
  let marks: Mark[] = [];
  /** The bucket that was read last; the next read begins behind it. */
  let last = -1;

  function mark(seq: bigint): void {
    const now = nowMs();
    const last = marks.at(-1);
    // Ten marks in a window are fine enough.
    if (last === undefined || (seq > last.seq && now - last.atMs >= windowMs / 10)) marks.push({ atMs: now, seq });
    // The newest of those that are older than the window stays: it says where reading was then.
    const firstWithin = marks.findIndex(({ atMs }) => atMs > now - windowMs);
    if (firstWithin > 1) marks = marks.slice(firstWithin - 1);
  }

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
      let highest = 0n;
      for (const { bucket, seq } of rows) {
        busy.add(bucket);
        last = bucket;
        readTo.set(bucket, seq);
        if (seq > highest) highest = seq;
      }
      if (highest > 0n) mark(highest);
    },
    rewind(bucket, seq) {
      const present = readTo.get(bucket);
      if (present !== undefined && present >= seq) readTo.set(bucket, seq - 1n);
    },
    rewindRecent() {
      const since = nowMs() - windowMs;
      const then = marks.findLast(({ atMs }) => atMs <= since)?.seq ?? 0n;
      for (const [bucket, seq] of readTo) if (seq > then) readTo.set(bucket, then);
    },
    rewindAll() {
      readTo.clear();
    },
    forget(bucket) {
      readTo.delete(bucket);
    },
  };
}
