import { describe, expect, it } from "vitest";
import { defaults } from "../defaults.js";
import { createWholeReading } from "./whole-reading.js";

const buckets = Array.from({ length: 64 }, (_, bucket) => bucket);
const { wholeEveryMs, wholeCostFactor, wholeReadMs } = defaults;

function setUp() {
  let nowMs = 0;
  const whole = createWholeReading(() => nowMs);
  const toDo = new Set<number>();
  return {
    whole,
    pass: (ms: number) => {
      nowMs += ms;
    },
    /** Takes the portion that is due. */
    begin() {
      const due = whole.due(buckets);
      for (const bucket of due) toDo.add(bucket);
      return due;
    },
    /** Reads everything that is to do, `atOnce` buckets a statement, each bucket at its price. Returns what each statement took. */
    readAll(msEach: number) {
      const took: number[] = [];
      while (toDo.size > 0) {
        const begun = [...toDo].slice(0, whole.atOnce);
        for (const bucket of begun) toDo.delete(bucket);
        nowMs += begun.length * msEach;
        took.push(begun.length * msEach);
        whole.hasRead(begun.length * msEach, begun.length, (bucket) => toDo.has(bucket));
      }
      return took;
    },
  };
}

describe("reading from the beginning", () => {
  it("takes all buckets at once, once a second, while that costs nothing", () => {
    const { whole, pass, begin, readAll } = setUp();
    expect(begin()).toEqual([]);
    for (let round = 0; round < 3; round += 1) {
      pass(wholeEveryMs);
      expect(begin()).toEqual(buckets);
      expect(whole.due(buckets)).toEqual([]);
      readAll(0.1);
      expect(begin()).toEqual([]);
    }
  });

  it("pauses the longer the more it cost", () => {
    const { pass, begin, readAll } = setUp();
    pass(wholeEveryMs);
    begin();
    const [tookMs = 0] = readAll(3);
    pass(wholeCostFactor * tookMs - 1);
    expect(begin()).toEqual([]);
    pass(1);
    expect(begin()).toEqual(buckets);
  });

  it("goes on in portions that each take little time when a bucket is expensive, until all have had their turn", () => {
    const { pass, begin, readAll } = setUp();
    const seen = new Set<number>();
    let slowest = 0;
    for (let portions = 0; portions < 100; portions += 1) {
      pass(wholeCostFactor * 10_000);
      for (const bucket of begin()) seen.add(bucket);
      const took = Math.max(0, ...readAll(100));
      // It has to find out first.
      if (portions > 5) slowest = Math.max(slowest, took);
    }
    expect(seen.size).toBe(buckets.length);
    expect(slowest).toBeLessThanOrEqual(wholeReadMs);
  });

  it("begins with fewer buckets after a read that has failed, one at least, and with all again when they are cheap", () => {
    const { whole, pass, begin, readAll } = setUp();
    whole.hasFailed(64);
    expect(whole.atOnce).toBe(16);
    for (let failures = 0; failures < 10; failures += 1) whole.hasFailed(whole.atOnce);
    expect(whole.atOnce).toBe(1);
    for (let portions = 0; portions < 10; portions += 1) {
      pass(wholeEveryMs);
      begin();
      readAll(0.1);
    }
    pass(wholeEveryMs);
    expect(begin().toSorted((a, b) => a - b)).toEqual(buckets);
  });

  it("begins no portion while the one before has yet to be read, and forgets a bucket that was given up", () => {
    const { whole, pass } = setUp();
    pass(wholeEveryMs);
    whole.due(buckets);
    whole.hasRead(1, 63, (bucket) => bucket === 5);
    pass(1_000_000);
    expect(whole.due(buckets)).toEqual([]);
    // Who asks counts only buckets that are owned.
    whole.hasRead(1, 0, () => false);
    pass(wholeEveryMs);
    expect(whole.due(buckets)).toEqual(buckets);
  });
});
