import { describe, expect, it } from "vitest";
import { createInboxFixture } from "../../test/inbox-fixture.js";
import { createInboxProcessorFixture, inboxRow } from "../../test/inbox-processor-fixture.js";
import { PermanentError } from "../errors/permanent-error.js";
import type { MetricsRecorder } from "../protocols/metrics.js";
import { handlerSkipped } from "../routing/handler-result.js";

/** A recorder that keeps everything that it is told. */
function keepAll() {
  const counted: [string, number, string | undefined][] = [];
  const measured: [string, number, string | undefined][] = [];
  const recorder: MetricsRecorder<string, string> = {
    add: (counter, value, eventType) => void counted.push([counter, value, eventType]),
    record: (measurement, value, eventType) => void measured.push([measurement, value, eventType]),
  };
  return { counted, measured, recorder };
}

describe("the metrics of an inbox consumer", () => {
  it("are told to the recorder as well, with the type of the message that they are about", async () => {
    const { counted, measured, recorder } = keepAll();
    const fixture = createInboxFixture({ processor: false, metrics: recorder }, ({ messageId }) => {
      if (messageId === "bad") throw new PermanentError("bad");
      return handlerSkipped("not of this year");
    });
    const { consumer, send, breathe, settle } = fixture;
    await settle(consumer.start());
    for (const messageId of ["m-1", "m-1", "bad"]) {
      send(messageId);
      await breathe();
    }
    send("stray", { type: "order.painted" });
    await breathe();
    expect(counted).toEqual([
      ["received", 1, undefined],
      ["processed", 1, "order.placed"],
      ["received", 1, undefined],
      ["duplicates", 1, "order.placed"],
      ["received", 1, undefined],
      ["failed", 1, "order.placed"],
      ["received", 1, undefined],
      ["retried", 1, "order.painted"],
      ["noHandler", 1, "order.painted"],
    ]);
    expect(measured).toEqual([
      ["batchSize", 1, undefined],
      ["handlerDurationMs", 0, "order.placed"],
      ["batchSize", 1, undefined],
      ["batchSize", 1, undefined],
      ["handlerDurationMs", 0, "order.placed"],
    ]);
    await settle(consumer.stop());
  });

  it("go on when the recorder throws, which is logged once", async () => {
    const thrower = () => {
      throw new Error("no metrics today");
    };
    const metrics = { add: thrower, record: thrower };
    const { consumer, send, effects, logger, breathe, settle } = createInboxFixture({ processor: false, metrics });
    await settle(consumer.start());
    send("m-1");
    await breathe();
    expect(effects).toEqual(["m-1"]);
    expect(consumer.metrics()).toMatchObject({ received: 1, processed: 1 });
    expect(logger.alarms).toEqual(["the metrics recorder throws; its numbers are incomplete"]);
    await settle(consumer.stop());
  });
});

describe("the metrics of an inbox processor", () => {
  it("are told to the recorder as well, with the type of the events that they are about", async () => {
    const { counted, measured, recorder } = keepAll();
    const { process, store, settle, after, clock } = createInboxProcessorFixture();
    await store("a", inboxRow("b", { type: "order.painted" }));
    await clock.advance(500);
    const { processor } = process(() => after(30), { metrics: recorder });
    await processor.start();
    await settle(processor.drain());
    const ofEvents = counted.filter(([counter]) => !counter.endsWith("Polls"));
    expect(ofEvents).toEqual([
      ["batches", 1, undefined],
      ["claimed", 2, undefined],
      ["completed", 1, "order.placed"],
      ["retried", 1, "order.painted"],
      ["noHandler", 1, "order.painted"],
    ]);
    expect(measured.filter(([measurement]) => measurement !== "claimDurationMs")).toEqual([
      ["batchSize", 2, undefined],
      ["handlerDurationMs", 30, "order.placed"],
      ["commitDurationMs", 0, undefined],
      ["lagMs", 530, undefined],
    ]);
    await processor.stop();
  });
});
