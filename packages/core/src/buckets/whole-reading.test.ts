import { describe, expect, it } from "vitest";
import { defaults } from "../defaults.js";
import { createWholeReading } from "./whole-reading.js";

const buckets = Array.from({ length: 64 }, (_, bucket) => bucket);
const { wholeEveryMs, wholeCostFactor, wholeReadMs, wholeAtLatestMs } = defaults;

function setUp() {
  let nowMs = 0;
  const whole = createWholeReading(() => nowMs);
  const toDo = new Set<number>();
  const read = (tookMs: number, begun: number, atEnd: readonly number[], goesOn = (_bucket: number) => true) => {
    nowMs += tookMs;
    whole.hasRead({ tookMs, begun, atEnd, goesOn });
  };
  return {
    whole,
    read,
    pass: (ms: number) => {
      nowMs += ms;
    },
    /** Takes the portion that is due. */
    begin() {
      const due = whole.due(buckets);
      for (const bucket of due) toDo.add(bucket);
      return due;
    },
    /** Reads everything that is to do to its end, `atOnce` buckets a statement, each bucket at its price. Returns what each statement took. */
    readAll(msEach: number) {
      const took: number[] = [];
      while (toDo.size > 0) {
        const begun = [...toDo].slice(0, whole.atOnce);
        for (const bucket of begun) toDo.delete(bucket);
        took.push(begun.length * msEach);
        read(begun.length * msEach, begun.length, begun);
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

  it("begins the next portion when the one before has been read to its end, and at the latest after a minute, doubled each time", () => {
    const { whole, pass, read } = setUp();
    pass(wholeEveryMs);
    whole.due(buckets);
    for (const longestMs of [wholeAtLatestMs, 2 * wholeAtLatestMs, 4 * wholeAtLatestMs]) {
      read(1, 64, buckets.slice(1));
      pass(longestMs - 2);
      expect(whole.due(buckets)).toEqual([]);
      pass(1);
      expect(whole.due(buckets)).toEqual(buckets);
    }
    read(1, 64, []);
    read(1, 0, buckets);
    pass(wholeEveryMs);
    expect(whole.due(buckets)).toEqual(buckets);
    pass(wholeAtLatestMs);
    expect(whole.due(buckets)).toEqual(buckets);
  });

  it("waits for a portion in proportion to its size, and after all that were not read to their end twice as long for each", () => {
    const { whole, pass } = setUp();
    whole.hasFailed(16);
    pass(wholeEveryMs);
    const portionsWithin = (ms: number) => {
      let portions = 0;
      for (let passed = 0; passed < ms; passed += 10) {
        if (whole.due(buckets).length > 0) portions += 1;
        pass(10);
      }
      return portions;
    };
    expect(whole.atOnce).toBe(4);
    const first = portionsWithin(wholeAtLatestMs);
    expect(first).toBeGreaterThan(10);
    expect(first).toBeLessThanOrEqual(16);
    expect(portionsWithin(wholeAtLatestMs)).toBeLessThan(first);
  });

  it("pauses for its cost also when a portion does not come to an end", () => {
    const { whole, pass, read } = setUp();
    pass(wholeEveryMs);
    whole.due(buckets);
    const costMs = wholeAtLatestMs / 10;
    read(costMs, 64, []);
    pass(wholeCostFactor * costMs - 1);
    expect(whole.due(buckets)).toEqual([]);
    pass(1);
    expect(whole.due(buckets)).not.toEqual([]);
  });

  it("waits for no bucket that cannot be read on, because it was given up or as much of it as may be is in hand", () => {
    const { whole, pass, read } = setUp();
    pass(wholeEveryMs);
    whole.due(buckets);
    read(1, 63, buckets.slice(1), (bucket) => bucket !== 0);
    pass(wholeEveryMs);
    expect(whole.due(buckets)).toEqual(buckets);
  });

  it("leaves as much time between as reading to the end took", () => {
    const { whole, pass, read } = setUp();
    pass(wholeEveryMs);
    whole.due(buckets);
    read(1, 64, []);
    pass(9_998);
    read(1, 0, buckets);
    pass(9_999);
    expect(whole.due(buckets)).toEqual([]);
    pass(1);
    expect(whole.due(buckets)).toEqual(buckets);
  });
});
