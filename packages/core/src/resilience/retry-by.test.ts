import { describe, expect, it } from "vitest";
import { failedAttempt } from "../../test/failed-attempt.js";
import { fixedRetry } from "./fixed-retry.js";
import { retryBy } from "./retry-by.js";
import type { RetryPolicy } from "./retry-policy.js";

const after = (delayMs: number): RetryPolicy => fixedRetry({ delayMs });
const delayOf = (policy: RetryPolicy, type: string, code: string) => policy.delayMs(1, failedAttempt({ type, code }));

describe("retryBy", () => {
  const policy = retryBy({
    types: { "order.placed": after(1), "order.paid": retryBy({ codes: { TypeError: after(2) }, otherwise: after(3) }) },
    codes: { "BROKER.NACKED": after(4), "BROKER.*": after(5), ECONNREFUSED: after(6) },
    otherwise: after(7),
  });

  it("looks at the type first, then at the code, then at the code's namespace", () => {
    expect(delayOf(policy, "order.placed", "BROKER.NACKED")).toBe(1);
    expect(delayOf(policy, "order.shipped", "BROKER.NACKED")).toBe(4);
    expect(delayOf(policy, "order.shipped", "BROKER.MESSAGE_REFUSED")).toBe(5);
    expect(delayOf(policy, "order.shipped", "ECONNREFUSED")).toBe(6);
    expect(delayOf(policy, "order.shipped", "RangeError")).toBe(7);
  });

  it("may be nested, so that a type has its own policies by code", () => {
    expect([delayOf(policy, "order.paid", "TypeError"), delayOf(policy, "order.paid", "BROKER.NACKED")]).toEqual([
      2, 3,
    ]);
  });

  it("is not misled by types and codes that are names of an object's own properties", () => {
    for (const name of ["constructor", "__proto__", "toString", ""]) expect(delayOf(policy, name, name)).toBe(7);
  });

  it("backs off exponentially where nothing else is said", () => {
    const random = retryBy({ types: { a: after(1) } });
    const delays = Array.from({ length: 50 }, () => delayOf(random, "b", "x"));
    expect(Math.max(...delays)).toBeLessThanOrEqual(1_000);
    expect(new Set(delays).size).toBeGreaterThan(10);
  });

  it("has the limits of the policy that it chooses, and none where that has none", () => {
    const limited = retryBy({
      types: { a: fixedRetry({ delayMs: 1, maxAttempts: 2 }), b: { delayMs: () => 1 } },
    });
    expect(limited.limits?.(failedAttempt({ type: "a" }))).toEqual({ maxAttempts: 2 });
    expect(limited.limits?.(failedAttempt({ type: "b" }))).toEqual({});
  });

  it("tells the policy that it chooses of event and failure", () => {
    const seen: unknown[] = [];
    const failed = failedAttempt({ type: "a", code: "X" });
    retryBy({ types: { a: { delayMs: (...args) => seen.push(args) } } }).delayMs(3, failed);
    expect(seen).toEqual([[3, failed]]);
  });

  it("refuses what is no policy, and to choose among none", () => {
    expect(() => retryBy({ types: { a: exponential as never }, otherwise: 5 as never })).toThrow(
      /retryBy: 2 problems: types\.a: expected a retry policy .*call it: exponential\(\); otherwise: expected a retry policy/,
    );
    expect(() => retryBy({})).toThrow(/retryBy: 1 problem: name at least one type or code$/);
  });
});

function exponential() {
  return after(1);
}
