import { expect, it } from "vitest";
import { consumerHeartbeatWarning, heartbeatWarning } from "./heartbeat-warning.js";

const times = (publishTimeoutMs: number, takeoverGraceMs = 0) => ({ publishTimeoutMs, takeoverGraceMs });

it.each([undefined, 1, 3])("is content with a heartbeat of %s s for a publish time-out of 10 s", (seconds) => {
  expect(heartbeatWarning(seconds, times(10_000))).toBe(null);
});

it.each([0, 4, 60])("warns of a heartbeat of %s s and says which one would do", (seconds) => {
  expect(heartbeatWarning(seconds, times(10_000))).toContain("connect with ?heartbeat=3 in the URL");
});

it.each([
  [3, 8_999, 1, true],
  [60, 10_000, 170_000, true],
  [4, 10_000, 1_999, false],
  [1, 2_000, 999, false],
])("counts a grace beside the time-out: %s s with %s ms and %s ms", (seconds, timeoutMs, graceMs, isEnough) => {
  expect(heartbeatWarning(seconds, times(timeoutMs, graceMs)) === null).toBe(isEnough);
});

it("names the time-out and the grace by which it goes", () => {
  const warning = heartbeatWarning(60, times(10_000, 5_000));
  expect(warning).toContain("the publish time-out of 10000 ms and the take-over grace of 5000 ms together");
  expect(warning).toContain("?heartbeat=5");
});

it.each([0, 1, 3, 60])("advises longer times where the shortest heartbeat is too long, at %s s", (seconds) => {
  const warning = heartbeatWarning(seconds, times(2_000, 500));
  expect(warning).toContain(
    "no heartbeat is short enough: raise publishTimeoutMs, or takeoverGraceMs of ownedBuckets(), by 500 ms",
  );
  expect(warning?.endsWith(seconds === 1 ? "by 500 ms" : "and connect with ?heartbeat=1 in the URL")).toBe(true);
});

it.each([undefined, 1, 20])("is content with a heartbeat of %s s of a consumer", (seconds) => {
  expect(consumerHeartbeatWarning(seconds)).toBe(null);
});

it.each([0, 21, 60])("warns of a heartbeat of %s s of a consumer", (seconds) => {
  expect(consumerHeartbeatWarning(seconds)).toContain("?heartbeat=10");
});
