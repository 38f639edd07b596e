import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createTokenBuckets } from "./token-buckets.js";

const bucketsOf = (perSecond: number, burst: number) => createTokenBuckets({ perSecond, burst, putOffMaxMs: 60_000 });

describe("token buckets", () => {
  it("give out a full bucket at once, and then one token after the other", () => {
    const buckets = bucketsOf(10, 3);
    const waits = Array.from({ length: 6 }, () => buckets.take("", 0, 1_000).waitMs);
    expect(waits).toEqual([0, 0, 0, 100, 200, 300]);
    expect(buckets.take("", 600, 0)).toEqual({ isTaken: true, waitMs: 0 });
  });

  it("take nothing from those whose token is further away than they wait", () => {
    const buckets = bucketsOf(10, 1);
    buckets.take("", 0, 0);
    expect(buckets.take("", 0, 99)).toEqual({ isTaken: false, waitMs: 100 });
    expect(buckets.take("", 0, 100)).toEqual({ isTaken: true, waitMs: 100 });
  });

  it("spread those who are sent away as the tokens will come, and not further than they may", () => {
    const buckets = createTokenBuckets({ perSecond: 10, burst: 1, putOffMaxMs: 250 });
    const waits = Array.from({ length: 6 }, () => buckets.take("", 0, 0).waitMs);
    expect(waits).toEqual([0, 100, 200, 300, 350, 350]);
  });

  it("are apart for each key, and forgotten when they are full", () => {
    const buckets = bucketsOf(1, 1);
    expect([buckets.take("a", 0, 0), buckets.take("b", 0, 0)]).toMatchObject([{ isTaken: true }, { isTaken: true }]);
    for (let now = 0; now < 10_000; now += 1) buckets.take(`key ${now}`, now * 10, 0);
    expect(buckets.size).toBeLessThanOrEqual(1_000);
    for (let key = 0; key < 5_000; key += 1) buckets.take(`busy ${key}`, 200_000, 0);
    expect(buckets.size).toBeGreaterThanOrEqual(5_000);
  });

  it("never give out more than the rate and a burst, in any stretch of time, and never less than are wanted", () => {
    const asking = fc.record({
      afterMs: fc.integer({ min: 0, max: 400 }),
      maxWaitMs: fc.integer({ min: 0, max: 2_000 }),
    });
    fc.assert(
      fc.property(
        fc.double({ min: 0.1, max: 500, noNaN: true }),
        fc.integer({ min: 1, max: 20 }),
        fc.array(asking, { minLength: 1, maxLength: 150 }),
        (perSecond, burst, asked) => {
          const buckets = bucketsOf(perSecond, burst);
          const taken: number[] = [];
          let now = 0;
          for (const { afterMs, maxWaitMs } of asked) {
            now += afterMs;
            const { isTaken, waitMs } = buckets.take("", now, maxWaitMs);
            expect(waitMs).toBeGreaterThanOrEqual(0);
            if (isTaken) {
              expect(waitMs).toBeLessThanOrEqual(maxWaitMs);
              taken.push(now + waitMs);
            } else {
              // Nobody is sent away who could have had one: with a token at that time there would have been too many.
              expect(isWithinRate([...taken, now + maxWaitMs], perSecond, burst)).toBe(false);
            }
          }
          expect(isWithinRate(taken, perSecond, burst)).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });
});

/** Whether in each stretch that begins and ends with a token there are no more than a burst and what comes meanwhile. */
function isWithinRate(times: readonly number[], perSecond: number, burst: number): boolean {
  return times.every((to, last) =>
    times.slice(0, last + 1).every((from, first) => {
      const allowed = burst + ((to - from) * perSecond) / 1_000;
      return last - first + 1 <= allowed + 1e-6;
    }),
  );
}
