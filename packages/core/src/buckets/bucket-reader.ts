import { defaults } from "../defaults.js";
import type { BaseEvent } from "../events/outbox-event.js";
import type {
  BucketOperations,
  BucketPosition,
  BucketReading,
  BucketRow,
  PeekedRow,
} from "../protocols/bucket-operations.js";
import { createBucketCursors } from "./bucket-cursors.js";
import type { HeldEvents } from "./held-events.js";
import { createLateCommits } from "./late-commits.js";
import type { ParkedKeys } from "./parked-keys.js";
import { createPassedOver } from "./passed-over.js";
import { createWholeReading } from "./whole-reading.js";

/** What a reader works with. */
export interface BucketReaderParts<E extends BaseEvent> {
  readonly operations: Pick<BucketOperations<E>, "read" | "peek">;
  readonly held: Pick<HeldEvents, "seqs" | "countOf">;
  readonly parked: Pick<ParkedKeys, "keys">;
  /** A clock that never runs backwards. */
  readonly nowMs: () => number;
}

/** What a read gave. */
export interface Read<Row> {
  /** `null`: earlier events of those that came may be missing, so they were dropped. The next read begins in front of them. */
  readonly rows: readonly Row[] | null;
  /** Whether it may have left events behind. */
  readonly hasMore: boolean;
  /** Buckets that were read to their end. */
  readonly atEnd: readonly number[];
  /** Whether buckets have yet to be read from their beginning. */
  readonly hasToDo: boolean;
}

/** Reads buckets from where they were read to, leaving out what is in hand and the keys that wait. */
export interface BucketReader<E extends BaseEvent> {
  /** Which of these buckets it is time to read from their beginning, for `forget`. */
  dueAgain(buckets: readonly number[]): readonly number[];
  /** Reads on in these buckets, `limit` events in all, and no more of one bucket than makes `most` in hand. */
  readOn(buckets: readonly number[], limit: number, most: number): Promise<Read<BucketRow<E>>>;
  /** Reads this event if it can be read. */
  readOne(event: { readonly bucket: number; readonly seq: bigint }): Promise<BucketRow<E> | undefined>;
  /** Looks at the next event of a bucket, and does not pass it over. */
  peek(bucket: number): Promise<Read<PeekedRow>>;
  /** Gives this event no more until its bucket is gone back in: it was read in vain. */
  leaveOut(event: { readonly bucket: number; readonly seq: bigint }): void;
  /** Reads on behind this event. */
  passOver(event: { readonly bucket: number; readonly seq: bigint }): void;
  /** Reads this event again, and those behind it. */
  goBackTo(event: { readonly bucket: number; readonly seq: bigint }): void;
  /** Reads the whole bucket again. */
  forget(bucket: number): void;
  /** Reads all buckets again. */
  forgetAll(): void;
}

/** Makes a reader that has read nothing yet. Its methods are called one after the other. */
export function createBucketReader<E extends BaseEvent>(parts: BucketReaderParts<E>): BucketReader<E> {
  const { operations, held, parked, nowMs } = parts;
  const cursors = createBucketCursors();
  let late = createLateCommits(defaults.openWriterPatienceMs, nowMs);
  const whole = createWholeReading(nowMs);
  const passedOver = createPassedOver(defaults.exceptPassedOverMax);

  /** What is in front of the positions needs no mention: while nothing goes back, that is all that is in hand. */
  function except(from: readonly BucketPosition[]) {
    const begins = new Map(from.map(({ bucket, afterSeq }) => [bucket, afterSeq]));
    const isMet = (seq: bigint, bucket: number) => seq > (begins.get(bucket) ?? seq);
    return {
      exceptSeqs: [...held.seqs(isMet), ...passedOver.behind(late.seenTo)],
      exceptKeys: parked.keys(defaults.exceptKeysMax),
    };
  }

  /** After a failure all begins anew: another server may answer next, with other transactions, and numbers that have been drawn before. */
  async function answered<Row>(reading: Promise<BucketReading<Row>>, begun: number): Promise<BucketReading<Row>> {
    try {
      return await reading;
    } catch (error) {
      whole.hasFailed(begun);
      cursors.rewindAll();
      passedOver.forgetAll();
      late = createLateCommits(defaults.openWriterPatienceMs, nowMs);
      throw error;
    }
  }

  function usable<Row>({ rows, writers }: BucketReading<Row>, seqOf: (row: Row) => bigint): readonly Row[] | null {
    const behind = late.noted({ writers, seqs: rows.map(seqOf) });
    if (behind === null) return rows;
    cursors.rewindTo(behind);
    return null;
  }

  return {
    dueAgain: (buckets) => whole.due(buckets),
    async readOn(buckets, limit, most) {
      cursors.rewindTo(late.seenTo);
      const room = new Map(buckets.map((bucket) => [bucket, most - held.countOf(bucket)]));
      const ofBucket = (bucket: number) => room.get(bucket) ?? 0;
      const from = cursors.positions(buckets, { limit, ofBucket, beginnings: whole.atOnce });
      const begun = from.filter(({ afterSeq }) => afterSeq === 0n).length;
      const startedAt = nowMs();
      const rows =
        from.length === 0
          ? []
          : usable(await answered(operations.read({ from, limit, ...except(from) }), begun), ({ event }) => event.seq);
      if (rows === null) return { rows, hasMore: true, atEnd: [], hasToDo: false };
      cursors.advance(rows.map(({ event: { bucket, seq } }) => ({ bucket, seq })));
      const atEnd = readToTheEnd(from, rows, limit);
      cursors.atEnd(atEnd);
      // More of the others may not be in hand.
      const goesOn = (bucket: number) => ofBucket(bucket) > 0;
      whole.hasRead({ tookMs: nowMs() - startedAt, begun, atEnd, goesOn });
      const hasToDo = buckets.some((bucket) => goesOn(bucket) && cursors.isToDo(bucket));
      // Some gave all that were asked of them, or were not asked: it was not their turn, or no more of them may be in hand.
      return { rows, hasMore: atEnd.length < from.length || hasToDo || !buckets.every(goesOn), atEnd, hasToDo };
    },
    async readOne({ bucket, seq }) {
      const from = [{ bucket, afterSeq: seq - 1n, limit: 1 }];
      const { rows } = await operations.read({ from, limit: 1, ...except(from) });
      // If it is gone, the next one comes, whose earlier ones may not have been read.
      return rows.find(({ event }) => event.seq === seq);
    },
    async peek(bucket) {
      cursors.rewindTo(late.seenTo);
      const from = [{ bucket, afterSeq: cursors.readTo(bucket), limit: 1 }];
      const rows = usable(await answered(operations.peek({ from, limit: 1, ...except(from) }), 1), ({ seq }) => seq);
      return {
        rows,
        hasMore: rows === null || rows.length > 0,
        atEnd: rows?.length === 0 ? [bucket] : [],
        hasToDo: false,
      };
    },
    leaveOut: (event) => passedOver.add(event),
    passOver: (event) => cursors.advance([event]),
    goBackTo({ bucket, seq }) {
      passedOver.forget(bucket);
      cursors.rewind(bucket, seq);
    },
    forget(bucket) {
      passedOver.forget(bucket);
      cursors.forget(bucket);
    },
    forgetAll() {
      passedOver.forgetAll();
      cursors.rewindAll();
    },
  };
}

/** The buckets that gave less than was asked of them. When the limit of all was reached, those behind the last event were not looked at. */
function readToTheEnd<E extends BaseEvent>(
  from: readonly BucketPosition[],
  rows: readonly BucketRow<E>[],
  limit: number,
): number[] {
  const given = new Map<number, number>();
  for (const { event } of rows) given.set(event.bucket, (given.get(event.bucket) ?? 0) + 1);
  const last = rows.at(-1)?.event.bucket;
  const lookedAt =
    rows.length < limit
      ? from
      : from.slice(
          0,
          from.findIndex(({ bucket }) => bucket === last),
        );
  return lookedAt.filter(({ bucket, limit }) => (given.get(bucket) ?? 0) < limit).map(({ bucket }) => bucket);
}
