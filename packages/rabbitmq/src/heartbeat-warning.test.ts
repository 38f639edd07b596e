import { expect, it } from "vitest";
import { consumerHeartbeatWarning, heartbeatWarning } from "./heartbeat-warning.js";

it.each([undefined, 1, 3])("is content with a heartbeat of %s s for a publish time-out of 10 s", (seconds) => {
  expect(heartbeatWarning(seconds, 10_000)).toBe(null);
});

it.each([0, 4, 60])("warns of a heartbeat of %s s and says which one would do", (seconds) => {
  expect(heartbeatWarning(seconds, 10_000)).toContain("?heartbeat=3");
});

it("never advises a heartbeat of nothing", () => {
  expect(heartbeatWarning(60, 1_000)).toContain("?heartbeat=1");
});

it.each([undefined, 1, 20])("is content with a heartbeat of %s s of a consumer", (seconds) => {
  expect(consumerHeartbeatWarning(seconds)).toBe(null);
});

it.each([0, 21, 60])("warns of a heartbeat of %s s of a consumer", (seconds) => {
  expect(consumerHeartbeatWarning(seconds)).toContain("?heartbeat=10");
});
