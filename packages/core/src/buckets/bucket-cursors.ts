import type { BucketPosition } from "../protocols/bucket-operations.js";
import { bucketsInTurn } from "./buckets-in-turn.js";

/**
 * How far each bucket has been read. A cursor only saves work: an event may be committed after others with a greater `seq`, or be
 * pending again, so cursors go back, a little way as late commits demand and all the way now and then.
 */
export interface BucketCursors {
  /** Where to go on reading the buckets, each time from another one first. */
  positions(buckets: readonly number[], reading: Extent): readonly BucketPosition[];
  /**
   * Whether a bucket has yet to be read from its beginning. Where not all can be read so at once, and nothing has come of them, all have
   * to again when each has had its turn.
   */
  isToDo(bucket: number): boolean;
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

/** How much is read at once. */
export interface Extent {
  /** Events in all. */
  readonly limit: number;
  /** Events of one bucket. */
  readonly ofBucket: (bucket: number) => number;
  /** Buckets that are read from their beginning. */
  readonly beginnings: number;
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
  /** Read since they were at their beginning. One of which nothing has come is still there. */
  const begun = new Set<number>();
  /** The bucket whose beginning was read last. */
  let lastBegun = -1;

  /** Of the buckets at their beginning those that are read now, each in its turn. */
  function chooseBeginnings(buckets: readonly number[], most: number): ReadonlySet<number> {
    const atBeginning = buckets.filter((bucket) => (readTo.get(bucket) ?? 0n) === 0n);
    if (atBeginning.length <= most) return new Set(atBeginning);
    // A new round: only when it is over is it known again that there is nothing.
    if (atBeginning.every((bucket) => begun.has(bucket))) for (const bucket of atBeginning) begun.delete(bucket);
    const chosen = bucketsInTurn(atBeginning, lastBegun).slice(0, most);
    lastBegun = chosen.at(-1) ?? lastBegun;
    return new Set(chosen);
  }

  return {
    positions(buckets, { limit, ofBucket, beginnings }) {
      if (buckets.length === 0) return [];
      const withRoom = buckets.filter((bucket) => ofBucket(bucket) > 0);
      const chosen = chooseBeginnings(withRoom, beginnings);
      const turn = buckets.indexOf(last) + 1;
      const rotated = [...buckets.slice(turn), ...buckets.slice(0, turn)];
      // First, because busy ones may fill the batch, and a turn without a look could be lost again and again.
      const inOrder = [
        ...rotated.filter((bucket) => chosen.has(bucket)),
        ...rotated.filter((bucket) => !chosen.has(bucket)),
      ];
      // Busy buckets share the batch, twice over because some of them have less than their share.
      const share = Math.ceil((2 * limit) / Math.max(1, busy.size));
      return inOrder.flatMap((bucket) => {
        const most = Math.min(Math.max(leastOfBucket, busy.has(bucket) ? share : leastOfBucket), ofBucket(bucket));
        const afterSeq = readTo.get(bucket) ?? 0n;
        return most > 0 && (afterSeq > 0n || chosen.has(bucket)) ? [{ bucket, afterSeq, limit: most }] : [];
      });
    },
    isToDo: (bucket) => !begun.has(bucket),
    readTo: (bucket) => readTo.get(bucket) ?? 0n,
    advance(rows) {
      busy.clear();
      for (const { bucket, seq } of rows) {
        busy.add(bucket);
        last = bucket;
        begun.add(bucket);
        readTo.set(bucket, seq);
        if (seq > highest) highest = seq;
      }
    },
    atEnd(buckets) {
      for (const bucket of buckets) {
        begun.add(bucket);
        readTo.set(bucket, highest);
      }
    },
    rewind(bucket, seq) {
      if ((readTo.get(bucket) ?? 0n) >= seq) readTo.set(bucket, seq - 1n);
      if ((readTo.get(bucket) ?? 0n) === 0n) begun.delete(bucket);
    },
    rewindTo(seq) {
      for (const [bucket, present] of readTo) {
        if (present <= seq) continue;
        readTo.set(bucket, seq);
        if (seq === 0n) begun.delete(bucket);
      }
    },
    rewindAll() {
      readTo.clear();
      begun.clear();
    },
    forget(bucket) {
      readTo.delete(bucket);
      begun.delete(bucket);
    },
  };
}
