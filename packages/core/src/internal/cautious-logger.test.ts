import { describe, expect, it } from "vitest";
import { captureLogger } from "../../test/captured-logger.js";
import { createInboxFixture } from "../../test/inbox-fixture.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import type { Logger } from "../protocols/logger.js";
import { cautiousLogger } from "./cautious-logger.js";

const levels = ["debug", "info", "warn", "error"] as const;

function loggerThat(log: () => void): Logger {
  return { debug: log, info: log, warn: log, error: log };
}

describe("a cautious logger", () => {
  it("passes every line on as it is", () => {
    const logger = captureLogger();
    for (const level of levels) cautiousLogger(logger)[level]({ about: level }, `a line at ${level}`);
    expect(logger.lines).toEqual(
      levels.map((level) => ({ level, fields: { about: level }, message: `a line at ${level}` })),
    );
  });

  it("throws nothing of what the logger throws", () => {
    const logger = loggerThat(() => {
      throw new Error("disk full");
    });
    for (const level of levels) expect(() => cautiousLogger(logger)[level]({}, "a line")).not.toThrow();
  });

  it("leaves no rejection unhandled", async () => {
    const rejections: unknown[] = [];
    const note = (reason: unknown) => void rejections.push(reason);
    process.on("unhandledRejection", note);
    try {
      cautiousLogger(loggerThat(async () => Promise.reject(new Error("disk full")))).warn({}, "a line");
      // Node.js reports it between two turns of the event loop.
      await new Promise((resolve) => setImmediate(resolve));
    } finally {
      process.off("unhandledRejection", note);
    }
    expect(rejections).toEqual([]);
  });

  it("keeps an inbox consumer at work whose logger throws in the middle of an outage", async () => {
    const logger = loggerThat(() => {
      throw new Error("disk full");
    });
    const fixture = createInboxFixture({ processor: false, concurrency: 1, logger });
    const { consumer, repository, send, effects, settle, until } = fixture;
    await settle(consumer.start());
    repository.failNext("transaction", new OmniBoxError("STORE.UNREACHABLE", "connection reset"));
    send("m-1");
    send("m-2");
    await until(() => effects.length === 2);
    expect(effects).toEqual(["m-1", "m-2"]);
  });
});
