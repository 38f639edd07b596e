import { describe, expect, it } from "vitest";
import { failedAttempt } from "../../test/failed-attempt.js";
import { fixedRetry } from "./fixed-retry.js";

describe("fixedRetry", () => {
  it("always waits for the same time", () => {
    const policy = fixedRetry({ delayMs: 5_000 });
    expect([1, 2, 100].map((attempt) => policy.delayMs(attempt, failedAttempt()))).toEqual([5_000, 5_000, 5_000]);
  });

  it("adds a random part, from nothing to all of it", () => {
    const at = (random: number) =>
      fixedRetry({ delayMs: 5_000, jitterMs: 100, random: () => random }).delayMs(1, failedAttempt());
    expect([at(0), at(0.5), at(1 - 2 ** -53)]).toEqual([5_000, 5_050, 5_100]);
  });

  it("says when an event is given up, where it was told so", () => {
    expect(fixedRetry({ delayMs: 0, maxAttempts: 1 }).limits?.(failedAttempt())).toEqual({ maxAttempts: 1 });
  });

  it("refuses options that cannot work, all at once", () => {
    expect(() => fixedRetry({ delayMs: -1, jitterMs: 0.5, maxAttempts: 0, minAgeMs: Infinity })).toThrow(
      /fixedRetry: 4 problems: delayMs: .*; jitterMs: .*; maxAttempts: .*; minAgeMs: /,
    );
    expect(() => fixedRetry({} as never)).toThrow(/fixedRetry: 1 problem: delayMs: /);
  });
});
