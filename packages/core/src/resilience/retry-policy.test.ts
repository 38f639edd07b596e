import { describe, expect, it } from "vitest";
import { defaults } from "../defaults.js";
import { exponentialRetry } from "./retry-policy.js";

const highest = () => 1 - 2 ** -53;

describe("exponentialRetry", () => {
  it("backs off by the default limits", () => {
    const policy = exponentialRetry({ random: highest });
    expect(policy.delayMs(1)).toBe(defaults.retryBaseMs);
    expect(policy.delayMs(4)).toBe(8 * defaults.retryBaseMs);
    expect(policy.delayMs(1_000)).toBe(defaults.retryMaxMs);
  });

  it("takes limits and a source of chance", () => {
    const policy = exponentialRetry({ baseMs: 10, maxMs: 25, random: () => 0.5 });
    expect([1, 2, 3, 4].map((attempt) => policy.delayMs(attempt))).toEqual([5, 10, 13, 13]);
  });

  it("draws anew each time when no source of chance is given", () => {
    const policy = exponentialRetry({ baseMs: 1_000_000, maxMs: 1_000_000 });
    expect(new Set(Array.from({ length: 20 }, () => policy.delayMs(1))).size).toBeGreaterThan(10);
  });

  it("refuses limits that cannot work, all at once", () => {
    expect(() => exponentialRetry({ baseMs: 0, maxMs: 1.5, random: 1, tries: 3 } as never)).toThrow(
      /exponentialRetry: 4 problems: baseMs: .*it is 0; maxMs: .*; random: expected a function \(\) => number; unknown option "tries"$/,
    );
    expect(() => exponentialRetry({ baseMs: 2, maxMs: 1 })).toThrow(
      /1 problem: baseMs \(2\) must not be longer than maxMs \(1\)$/,
    );
    expect(() => exponentialRetry({ maxMs: defaults.retryBaseMs - 1 })).toThrow(
      /baseMs \(1000\) must not be longer than maxMs \(999\)$/,
    );
  });
});
