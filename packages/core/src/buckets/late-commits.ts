import type { BucketReading } from "../protocols/bucket-operations.js";

/** What a reading told of one moment. */
export interface Glimpse extends Pick<BucketReading<unknown>, "writers"> {
  /** Of its rows. */
  readonly seqs: readonly bigint[];
}

/**
 * Watches over events that are committed after others with a greater `seq`.
 *
 * Who writes a key waits for the one who wrote it before, so the answer that shows an event could show all earlier ones of its
 * key. It does, unless reading began behind one of them, which was not committed when the cursor passed it. So reading has to begin
 * in front of whatever the transactions may have added that an earlier answer did not contain. When and how they end makes
 * no difference, and no clock does.
 *
 * The argument, with L the open writers of an answer and S the moment that it shows: S is before L, and L is before the next S.
 * A writer that is in no L was over before, and is shown by the next answer, or has drawn its `seq` afterwards, behind
 * all that had been read by then. One that is in L for the first time drew its `seq` since the L before. One that leaves L
 * is shown by the next answer, whose beginning is therefore decided by the last L but one.
 */
export interface LateCommits {
  /** The next reading begins no later than behind this `seq`. */
  readonly seenTo: bigint;
  /**
   * Takes note of an answer.
   *
   * @returns `null` when the events in it can be used; else it may lack some, and is to be dropped and read again from behind this `seq`
   */
  noted(glimpse: Glimpse): bigint | null;
}

interface Writer {
  /** What it has added has a greater `seq`. */
  readonly behind: bigint;
  readonly sinceMs: number;
  /** It has been open for long, and reading no longer waits for it. When it ends, what was read meanwhile is read again. */
  isLeftOut: boolean;
}

/**
 * @param patienceMs - how long reading goes back for an open transaction, before it goes on until that has ended: what is read
 *   again costs time, an answer that is dropped costs one statement
 * @param nowMs - a clock that never runs backwards
 */
export function createLateCommits(patienceMs: number, nowMs: () => number): LateCommits {
  const writers = new Map<string, Writer>();
  let highest = 0n;
  /** As the last answer but one left it, and the last. */
  let seenTo: readonly [bigint, bigint] = [0n, 0n];

  return {
    get seenTo() {
      return seenTo[0];
    },
    noted({ writers: open, seqs }) {
      const now = nowMs();
      const isHidden = new Map(open.map((writer) => [writer.id, writer.isHidden]));
      let again: bigint | null = null;
      for (const [id, writer] of writers) {
        if (writer.isLeftOut && isHidden.get(id) !== true) {
          writer.isLeftOut = false;
          again = lower(again ?? writer.behind, writer.behind);
        }
        if (!isHidden.has(id)) writers.delete(id);
      }
      // Whoever is new has drawn its numbers since the last answer.
      const behind = highest;
      for (const seq of seqs) if (seq > highest) highest = seq;

      let next = highest;
      for (const { id, isHidden } of open) {
        const writer = writers.get(id) ?? { behind, sinceMs: now, isLeftOut: false };
        writers.set(id, writer);
        if (isHidden && now - writer.sinceMs >= patienceMs) writer.isLeftOut = true;
        if (!writer.isLeftOut) next = lower(next, writer.behind);
      }
      seenTo = [seenTo[1], next];
      return again;
    },
  };
}

function lower(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
