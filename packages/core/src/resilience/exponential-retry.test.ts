import { describe, expect, it } from "vitest";
import { failedAttempt } from "../../test/failed-attempt.js";
import { defaults } from "../defaults.js";
import { exponentialRetry } from "./exponential-retry.js";

const highest = () => 1 - 2 ** -53;

describe("exponentialRetry", () => {
  it("backs off by the default limits", () => {
    const policy = exponentialRetry({ random: highest });
    expect(policy.delayMs(1, failedAttempt())).toBe(defaults.retryBaseMs);
    expect(policy.delayMs(4, failedAttempt())).toBe(8 * defaults.retryBaseMs);
    expect(policy.delayMs(1_000, failedAttempt())).toBe(defaults.retryMaxMs);
  });

  it("takes limits and a source of chance", () => {
    const policy = exponentialRetry({ baseMs: 10, maxMs: 25, random: () => 0.5 });
    expect([1, 2, 3, 4].map((attempt) => policy.delayMs(attempt, failedAttempt()))).toEqual([5, 10, 13, 13]);
  });

  it("draws anew each time when no source of chance is given", () => {
    const policy = exponentialRetry({ baseMs: 1_000_000, maxMs: 1_000_000 });
    const delays = Array.from({ length: 20 }, () => policy.delayMs(1, failedAttempt()));
    expect(new Set(delays).size).toBeGreaterThan(10);
  });

  it("says when an event is given up, where it was told so", () => {
    expect(exponentialRetry({ maxAttempts: 3, minAgeMs: 60_000 }).limits?.(failedAttempt())).toEqual({
      maxAttempts: 3,
      minAgeMs: 60_000,
    });
    expect(exponentialRetry().limits?.(failedAttempt())).toEqual({});
  });

  it("refuses limits that cannot work, all at once", () => {
    expect(() => exponentialRetry({ baseMs: 0, maxMs: 1.5, random: 1, minAgeMs: -1, tries: 3 } as never)).toThrow(
      /exponentialRetry: 5 problems: baseMs: .*it is 0; maxMs: .*; random: expected a function \(\) => number; minAgeMs: .*; unknown option "tries"$/,
    );
    expect(() => exponentialRetry({ baseMs: 2, maxMs: 1 })).toThrow(
      /1 problem: baseMs \(2\) must not be longer than maxMs \(1\)$/,
    );
    expect(() => exponentialRetry({ maxMs: defaults.retryBaseMs - 1 })).toThrow(
      /baseMs \(1000\) must not be longer than maxMs \(999\)$/,
    );
  });
});
