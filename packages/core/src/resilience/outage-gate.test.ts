import { describe, expect, it } from "vitest";
import { captureLogger } from "../../test/captured-logger.js";
import { defaults } from "../defaults.js";
import { createOutageGate } from "./outage-gate.js";

const failure = { code: "BROKER.UNREACHABLE", message: "no connection" };

describe("an outage gate", () => {
  it("is closed at first: nothing is wrong and nobody waits", () => {
    const gate = createOutageGate("the broker", captureLogger());
    expect([gate.isOpen, gate.failure, gate.delayMs()]).toEqual([false, null, 0]);
  });

  it("opens with the first failure and remembers the last one", () => {
    const gate = createOutageGate("the broker", captureLogger());
    gate.failed(failure);
    gate.failed({ code: "BROKER.BLOCKED", message: "blocked" });
    expect([gate.isOpen, gate.failure]).toEqual([true, { code: "BROKER.BLOCKED", message: "blocked" }]);
  });

  it("logs once when it opens and once when it closes, however many tries failed", () => {
    const logger = captureLogger();
    const gate = createOutageGate("the broker", logger);
    gate.succeeded();
    for (let round = 0; round < 2; round += 1) {
      for (let tries = 0; tries < 5; tries += 1) gate.failed(failure);
      gate.succeeded();
      gate.succeeded();
    }
    const [opened, closed] = ["the broker does not answer, trying on: no connection", "the broker answers again"];
    expect(logger.alarms).toEqual([opened, closed, opened, closed]);
    expect(logger.lines[0]?.fields).toEqual({ code: "BROKER.UNREACHABLE" });
    expect(logger.lines[1]?.fields).toEqual({ failedTries: 5 });
  });

  it("waits longer the longer it lasts, never hardly at all and never longer than the limit", () => {
    const gate = createOutageGate("the broker", captureLogger());
    for (let failures = 1; failures <= 100; failures += 1) {
      gate.failed(failure);
      const ceiling = Math.min(defaults.outageMaxMs, defaults.outageBaseMs * 2 ** (failures - 1));
      expect(gate.delayMs()).toBeGreaterThanOrEqual(ceiling / 10);
      expect(gate.delayMs()).toBeLessThanOrEqual(ceiling);
    }
  });

  it("keeps its delay until the next try is reported", () => {
    const gate = createOutageGate("the broker", captureLogger());
    gate.failed(failure);
    const delayMs = gate.delayMs();
    expect(gate.delayMs()).toBe(delayMs);
    gate.succeeded();
    expect([gate.isOpen, gate.failure, gate.delayMs()]).toEqual([false, null, 0]);
  });
});
