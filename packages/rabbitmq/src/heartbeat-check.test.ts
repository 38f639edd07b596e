import { type LogFields, silentLogger } from "@omni-box/core";
import { expect, it } from "vitest";
import { HeartbeatCheck } from "./heartbeat-check.js";

function createCheck() {
  const warnings: string[] = [];
  const fields: LogFields[] = [];
  const logger = {
    ...silentLogger,
    warn(given: LogFields, text: string) {
      fields.push(given);
      warnings.push(text);
    },
  };
  return { check: new HeartbeatCheck(logger), warnings, fields };
}
const session = (heartbeatSeconds: number) => ({ internals: { heartbeatSeconds } });

it("compares the heartbeat with the time-out that is really used", () => {
  const { check, warnings } = createCheck();
  check.onPublish(session(3), { timeoutMs: 2_000 });
  expect(warnings).toEqual([expect.stringContaining("publish time-out of 2000 ms")]);
});

it("is content with the longest heartbeat that a long time-out allows", () => {
  const { check, warnings } = createCheck();
  check.onPublish(session(20), { timeoutMs: 60_000 });
  expect(warnings).toEqual([]);
});

it("is content with a short time-out when others wait long enough before they take over", () => {
  const { check, warnings } = createCheck();
  check.onPublish(session(20), { timeoutMs: 10_000, takeoverGraceMs: 50_000 });
  expect(warnings).toEqual([]);
});

it("goes by time-out and grace of the same message, and says which they are", () => {
  const { check, warnings, fields } = createCheck();
  const connection = session(3);
  check.onPublish(connection, { timeoutMs: 2_000, takeoverGraceMs: 7_000 });
  check.onPublish(connection, { timeoutMs: 9_000, takeoverGraceMs: 0 });
  expect(warnings).toEqual([]);
  check.onPublish(connection, { timeoutMs: 4_000, takeoverGraceMs: 4_000 });
  expect(warnings).toHaveLength(1);
  expect(fields).toEqual([{ heartbeatSeconds: 3, publishTimeoutMs: 4_000, takeoverGraceMs: 4_000 }]);
});

it("looks again when a shorter time-out is used, and warns once", () => {
  const { check, warnings } = createCheck();
  const connection = session(3);
  for (const timeoutMs of [60_000, 9_000, 8_999, 5_000]) check.onPublish(connection, { timeoutMs });
  check.onPublish(session(60), { timeoutMs: 1_000 });
  expect(warnings).toEqual([expect.stringContaining("publish time-out of 8999 ms")]);
});

it("looks again on the next connection, with the shortest time-out so far", () => {
  const { check, warnings } = createCheck();
  check.onPublish(session(3), { timeoutMs: 9_000 });
  check.onPublish(session(10), { timeoutMs: 60_000 });
  expect(warnings).toEqual([expect.stringContaining("publish time-out of 9000 ms")]);
});

it("counts what was published before there was a connection", () => {
  const { check, warnings } = createCheck();
  check.onConnection(session(60));
  check.onPublish(null, { timeoutMs: 10_000 });
  expect(warnings).toEqual([]);
  check.onConnection(session(60));
  expect(warnings).toEqual([expect.stringContaining("?heartbeat=3")]);
});
