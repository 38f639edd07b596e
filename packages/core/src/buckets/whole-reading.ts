import { defaults } from "../defaults.js";

/**
 * Which buckets are read from their beginning, and when: it finds what is pending again behind the cursor.
 *
 * Such a reading walks over all that is gone and cannot be removed yet. While another transaction is open for minutes that is millions of
 * rows, and more seconds for all buckets than a statement may take. So one statement begins with as few buckets as keep it
 * short, one portion of them follows the other, and the pause behind each is the longer the more it cost.
 */
export interface WholeReading {
  /** Buckets at most that one statement reads from their beginning. */
  readonly atOnce: number;
  /** The next portion of these buckets, when its time has come; else none. */
  due(buckets: readonly number[]): readonly number[];
  /**
   * A read took so long.
   *
   * @param begun - how many buckets it was to read from their beginning
   * @param isToDo - whether this bucket has yet to be read from its beginning
   */
  hasRead(tookMs: number, begun: number, isToDo: (bucket: number) => boolean): void;
  /** A read has failed that was to read so many buckets from their beginning. It may have taken too long. */
  hasFailed(begun: number): void;
}

/** @param nowMs - a clock that never runs backwards */
export function createWholeReading(nowMs: () => number): WholeReading {
  let atOnce = Number.MAX_SAFE_INTEGER;
  let portion: readonly number[] = [];
  /** Which part of all buckets the portion is. */
  let share = 1;
  let costMs = 0;
  let isUnderWay = false;
  let dueMs = nowMs() + defaults.wholeEveryMs;

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
      if (isUnderWay || nowMs() < dueMs || buckets.length === 0) return [];
      const last = portion.at(-1) ?? -1;
      const inOrder = [...buckets].sort((a, b) => a - b);
      const rotated = [...inOrder.filter((bucket) => bucket > last), ...inOrder.filter((bucket) => bucket <= last)];
      portion = rotated.slice(0, atOnce);
      share = portion.length / buckets.length;
      costMs = 0;
      isUnderWay = true;
      return portion;
    },
    hasRead(tookMs, begun, isToDo) {
      adapt(tookMs, begun);
      if (!isUnderWay) return;
      if (begun > 0) costMs += tookMs;
      if (portion.some(isToDo)) return;
      isUnderWay = false;
      dueMs = nowMs() + Math.max(defaults.wholeEveryMs * share, defaults.wholeCostFactor * costMs);
    },
    hasFailed(begun) {
      if (begun > 1) atOnce = atLeastOne(begun / 4);
    },
  };
}

function atLeastOne(count: number): number {
  return Math.max(1, Math.floor(count));
}
