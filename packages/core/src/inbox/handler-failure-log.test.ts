import { describe, expect, it } from "vitest";
import { captureLogger } from "../../test/captured-logger.js";
import { sampleInboxEvent } from "../../test/sample-inbox-event.js";
import { createManualClock } from "../testing/manual-clock.js";
import { createHandlerFailureLog } from "./handler-failure-log.js";

function setUp() {
  const clock = createManualClock();
  const logger = captureLogger();
  return { clock, logger, failed: createHandlerFailureLog(logger, clock) };
}

describe("the log of handlers that throw", () => {
  it("says which handler threw what, where, and about which message, without the error's words", () => {
    const { logger, failed } = setUp();
    failed(
      "ship",
      sampleInboxEvent({ messageId: "m-1", attemptsMade: 2 }),
      new TypeError("card 4111-1111 is wrong\nreally"),
    );
    expect(logger.lines).toMatchObject([
      { level: "warn", message: "ship threw a TypeError", fields: { messageId: "m-1", attempt: 3 } },
    ]);
    const [line] = logger.lines;
    expect(line?.fields.at).toContainEqual(expect.stringMatching(/^at .*handler-failure-log\.test\.ts/));
    expect(JSON.stringify(line)).not.toContain("4111");
  });

  it("has a line for each handler, and another one for the same after ten seconds", async () => {
    const { clock, logger, failed } = setUp();
    for (const name of ["ship", "ship", "bill"]) failed(name, sampleInboxEvent(), new Error("x"));
    expect(logger.lines).toHaveLength(2);
    await clock.advance(10_000);
    failed("ship", sampleInboxEvent(), new Error("x"));
    expect(logger.lines).toHaveLength(3);
  });

  it("takes whatever was thrown", () => {
    const { logger, failed } = setUp();
    const hostile = Object.defineProperty(new Error("x"), "stack", {
      get: () => {
        throw new Error("no stack");
      },
    });
    for (const [index, thrown] of [undefined, "text", null, hostile].entries())
      failed(`handler ${index}`, sampleInboxEvent(), thrown);
    expect(logger.lines.map(({ fields }) => fields.at)).toEqual([[], [], [], []]);
  });
});
