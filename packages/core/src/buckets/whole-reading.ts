import { defaults } from "../defaults.js";
import { bucketsInTurn } from "./buckets-in-turn.js";

/**
 * Which buckets are read from their beginning, and when: it finds what is pending again behind the cursor.
 *
 * Such a reading walks over all that is gone and cannot be removed yet. While another transaction is open for minutes that is millions of
 * rows, and more seconds for all buckets than a statement may take. So one statement begins with as few buckets as keep it
 * short, and one portion of them follows the other, behind a pause that is the longer the more it cost.
 *
 * A portion has come round when its buckets have been read to their end: begun again before, they would never get behind more
 * waiting events than can be read in the meantime. At the latest it is the next one's turn after a longer pause, which then grows.
 */
export interface WholeReading {
  /** Buckets at most that one statement reads from their beginning. */
  readonly atOnce: number;
  /** The next portion of these buckets, when its time has come; else none. */
  due(buckets: readonly number[]): readonly number[];
  /** Takes note of a read. */
  hasRead(read: TimedRead): void;
  /** A read has failed that was to read so many buckets from their beginning. It may have taken too long. */
  hasFailed(begun: number): void;
}

/** What a read took, and how far it came. */
export interface TimedRead {
  readonly tookMs: number;
  /** How many buckets it was to read from their beginning. */
  readonly begun: number;
  /** Buckets that it has read to their end. */
  readonly atEnd: readonly number[];
  /** Whether the bucket can be read on: it is owned, and more of it may be in hand. */
  readonly goesOn: (bucket: number) => boolean;
}

/** @param nowMs - a clock that never runs backwards */
export function createWholeReading(nowMs: () => number): WholeReading {
  let atOnce = Number.MAX_SAFE_INTEGER;
  let last = -1;
  /** Of the portion under way those that have yet to be read to their end. */
  const left = new Set<number>();
  /** Which part of all buckets the portion is. */
  let share = 1;
  let costMs = 0;
  let longestMs = defaults.wholeAtLatestMs;
  let begunAtMs = nowMs();
  let dueMs = begunAtMs + defaults.wholeEveryMs;

  function adapt(tookMs: number, begun: number): void {
    if (begun === 0) return;
    if (tookMs > defaults.wholeReadMs) atOnce = atLeastOne(begun / 2);
    else if (tookMs < defaults.wholeReadMs / 4 && begun >= atOnce) atOnce *= 2;
  }

  return {
    get atOnce() {
      return atOnce;
    },
    due(buckets) {
      if (nowMs() < dueMs || buckets.length === 0) return [];
      // The one before has not come round. By the time that all buckets have had their turn this is doubled.
      if (left.size > 0) longestMs *= 2 ** share;
      const portion = bucketsInTurn(buckets, last).slice(0, atOnce);
      last = portion.at(-1) ?? last;
      left.clear();
      for (const bucket of portion) left.add(bucket);
      share = portion.length / buckets.length;
      costMs = 0;
      begunAtMs = nowMs();
      dueMs = begunAtMs + longestMs * share;
      return portion;
    },
    hasRead({ tookMs, begun, atEnd, goesOn }) {
      adapt(tookMs, begun);
      if (left.size === 0) return;
      if (begun > 0) costMs += tookMs;
      const pauseMs = defaults.wholeCostFactor * costMs;
      for (const bucket of atEnd) left.delete(bucket);
      if ([...left].some(goesOn)) {
        dueMs = Math.max(dueMs, nowMs() + pauseMs);
        return;
      }
      left.clear();
      longestMs = defaults.wholeAtLatestMs;
      dueMs = nowMs() + Math.max(defaults.wholeEveryMs * share, pauseMs, nowMs() - begunAtMs);
    },
    hasFailed(begun) {
      if (begun > 1) atOnce = atLeastOne(begun / 4);
    },
  };
}

function atLeastOne(count: number): number {
  return Math.max(1, Math.floor(count));
}
