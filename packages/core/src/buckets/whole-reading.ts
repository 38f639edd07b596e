import { defaults } from "../defaults.js";

/**
 * When everything is to be read from the beginning: it finds what was committed long after events with a greater `seq`.
 *
 * The next one begins after a pause when the last one has come round, the longer the more it cost; and at the latest after a
 * longer one, also when there is so much that it has not, which then is doubled.
 */
export interface WholeReading {
  isDue(): boolean;
  begin(): void;
  /** A read took so long; `isCaughtUp`: it left nothing behind. */
  hasRead(tookMs: number, isCaughtUp: boolean): void;
}

/** @param nowMs - a clock that never runs backwards */
export function createWholeReading(nowMs: () => number): WholeReading {
  let dueMs = nowMs() + defaults.wholeEveryMs;
  let longestMs = defaults.wholeAtLatestMs;
  let costMs = 0;
  let isUnderWay = false;

  return {
    isDue: () => nowMs() >= dueMs,
    begin() {
      // The one before has not come round: there is more than can be read in that time.
      if (isUnderWay) longestMs *= 2;
      isUnderWay = true;
      costMs = 0;
      dueMs = nowMs() + longestMs;
    },
    hasRead(tookMs, isCaughtUp) {
      if (!isUnderWay) return;
      costMs += tookMs;
      if (!isCaughtUp) return;
      isUnderWay = false;
      longestMs = defaults.wholeAtLatestMs;
      dueMs = nowMs() + Math.max(defaults.wholeEveryMs, defaults.wholeCostFactor * costMs);
    },
  };
}
