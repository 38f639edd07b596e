import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fullJitterBackoffMs } from "./backoff.js";

const highest = () => 1 - 2 ** -53;

describe("fullJitterBackoffMs", () => {
  it("doubles its ceiling with every failure, up to the longest delay", () => {
    const ceilings = [1, 2, 3, 4, 5, 6, 7].map((n) => fullJitterBackoffMs(n, 100, 2_000, highest));
    expect(ceilings).toEqual([100, 200, 400, 800, 1_600, 2_000, 2_000]);
  });

  it("spreads evenly over the whole range, 0 and the ceiling included", () => {
    const at = (random: number) => fullJitterBackoffMs(3, 100, 2_000, () => random);
    expect([at(0), at(0.25), at(0.5), at(0.75), at(0.999_999)]).toEqual([0, 100, 200, 300, 400]);
  });

  it("answers with a whole number between 0 and the longest delay, for any count of failures", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
        fc.integer({ min: 1, max: 2 ** 31 - 1 }),
        fc.integer({ min: 1, max: 2 ** 31 - 1 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (n, baseMs, maxMs, random) => {
          const delayMs = fullJitterBackoffMs(n, baseMs, maxMs, () => random);
          expect(Number.isInteger(delayMs) && delayMs >= 0 && delayMs <= maxMs).toBe(true);
        },
      ),
    );
  });
});
