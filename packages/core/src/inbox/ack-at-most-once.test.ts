import { describe, expect, it } from "vitest";
import { createGate } from "../../test/gate.js";
import { createInboxFixture } from "../../test/inbox-fixture.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import type { InboxEvent } from "../events/inbox-event.js";
import { type Outcome, outcome } from "../pipeline/outcome.js";
import type { Step } from "../pipeline/step.js";
import { fallback } from "../steps/fallback.js";
import { rateLimit } from "../steps/rate-limit.js";

const putOff: readonly (readonly [string, Outcome])[] = [
  ["defers", outcome.defer("not now", 5_000)],
  ["gives back for a while", { kind: "release", reason: "not its turn", delayMs: 5_000 }],
];

describe("at most once", () => {
  it("acknowledges a message when its handler begins, and stores nothing", async () => {
    const held = createGate();
    const fixture = createInboxFixture({ ack: "atMostOnce" }, () => held.opened);
    const { consumer, send, effects, begun, results, rows, ready, cutOff, breathe, settle } = fixture;
    await settle(consumer.start());
    send("m-1");
    await breathe();
    cutOff(consumer);
    await breathe();
    expect([begun, ready()]).toEqual([["m-1"], 0]);
    held.open();
    await breathe();
    expect(effects).toEqual(["m-1"]);
    expect(rows()).toEqual([]);
    expect(results).toEqual([
      { messageId: "m-1", eventId: null, committed: true, processed: true, duplicate: false, failure: null },
    ]);
  });

  it("loses what fails, logs and counts it", async () => {
    const { consumer, send, effects, rows, results, logger, ready, breathe, settle } = createInboxFixture(
      { ack: "atMostOnce" },
      ({ messageId }) => {
        if (messageId === "m-1") throw new Error("broken sensor");
      },
    );
    await settle(consumer.start());
    send("m-1");
    send("m-2");
    await breathe();
    expect([effects, rows(), ready()]).toEqual([["m-2"], [], 0]);
    expect(results).toMatchObject([
      { messageId: "m-1", committed: true, processed: false, failure: { message: "broken sensor" } },
      { messageId: "m-2", committed: true, processed: true },
    ]);
    expect(consumer.metrics()).toMatchObject({ failed: 1, processed: 1 });
    expect(logger.alarms.filter((alarm) => alarm.includes("broken sensor"))).toHaveLength(1);
  });

  it("never handles a message twice, also when it is not known whether its transaction was committed", async () => {
    const { consumer, repository, send, effects, results, settle, until } = createInboxFixture({ ack: "atMostOnce" });
    await settle(consumer.start());
    repository.loseAnswerOfNext("transaction", new OmniBoxError("STORE.UNREACHABLE", "reset"));
    send("m-1");
    await until(() => results.length > 0);
    expect(effects).toEqual(["m-1"]);
    expect(results).toMatchObject([{ committed: true, processed: false, failure: { code: "STORE.UNREACHABLE" } }]);
  });

  it("leaves messages to the broker while the database is away", async () => {
    const { consumer, clock, repository, send, results, effects, cutOff, ready, breathe, settle } = createInboxFixture({
      ack: "atMostOnce",
      concurrency: 1,
      processor: false,
    });
    await settle(consumer.start());
    repository.breakDown(new OmniBoxError("STORE.UNREACHABLE", "away"), "transaction");
    for (let index = 0; index < 20; index += 1) send(`m-${index}`);
    await breathe();
    expect(results).toHaveLength(1);
    cutOff(consumer);
    await clock.advance(1_000);
    expect(ready()).toBeGreaterThanOrEqual(18);
    expect(effects).toEqual([]);
  });

  it.each(putOff)("keeps a message in hand that a step %s before its handler begins", async (_name, notYet) => {
    let isOpen = false;
    const fallbacks: string[] = [];
    const gate: Step<InboxEvent> = async (_event, _context, next) => (isOpen ? next() : notYet);
    const { consumer, clock, send, effects, results, ready, breathe, settle } = createInboxFixture({
      ack: "atMostOnce",
      steps: [fallback<InboxEvent>(({ messageId }) => void fallbacks.push(messageId)), gate],
    });
    await settle(consumer.start());
    send("m-1");
    await breathe();
    isOpen = true;
    await clock.advance(4_999);
    expect([effects, results, consumer.health().inHand]).toEqual([[], [], 1]);
    await clock.advance(1);
    await breathe();
    expect([effects, fallbacks, ready()]).toEqual([["m-1"], [], 0]);
    expect(consumer.metrics()).toMatchObject({ processed: 1, failed: 0 });
  });

  it("gives back at a stop what a step has put off", async () => {
    const { consumer, send, effects, results, ready, breathe, settle } = createInboxFixture({
      ack: "atMostOnce",
      steps: [rateLimit<InboxEvent>({ perSecond: 0.01, burst: 1 })],
    });
    await settle(consumer.start());
    send("m-1");
    send("m-2");
    await breathe();
    await settle(consumer.stop());
    expect([effects, ready()]).toEqual([["m-1"], 1]);
    expect(results.map(({ committed }) => committed)).toEqual([true, false]);
  });

  it("still stores messages that cannot be decoded, before it acknowledges them", async () => {
    const { consumer, send, rows, results, breathe, settle } = createInboxFixture({ ack: "atMostOnce" });
    await settle(consumer.start());
    send("m-1", { body: Buffer.from("?") });
    await breathe();
    expect(rows()).toMatchObject([{ status: "failed" }]);
    expect(results).toMatchObject([{ committed: true, failure: { code: "MESSAGE.UNDECODABLE" } }]);
  });

  it("takes no more messages into memory than the prefetch and those at work", async () => {
    const held = createGate();
    const fixture = createInboxFixture(
      { ack: "atMostOnce", concurrency: 2, broker: { prefetch: 4 } },
      () => held.opened,
    );
    const { consumer, send, effects, ready, breathe, settle } = fixture;
    await settle(consumer.start());
    for (let index = 0; index < 20; index += 1) send(`m-${index}`);
    await breathe();
    expect([consumer.health().inHand, ready()]).toEqual([6, 14]);
    held.open();
    await breathe();
    await fixture.until(() => effects.length === 20);
    expect(ready()).toBe(0);
  });
});
