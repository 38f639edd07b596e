import { describe, expect, it } from "vitest";
import { createGate } from "../../test/gate.js";
import { createInboxFixture } from "../../test/inbox-fixture.js";
import { defaults } from "../defaults.js";
import { OmniBoxError } from "../errors/omni-box-error.js";

describe("an inbox consumer", () => {
  it("handles a message, keeps its row as completed and acknowledges it", async () => {
    const { consumer, repository, send, effects, rows, results, ready, breathe, settle } = createInboxFixture();
    await settle(consumer.start());
    send("m-1");
    await breathe();
    expect(effects).toEqual(["m-1"]);
    expect(rows()).toEqual([{ messageId: "m-1", status: "completed", attemptsMade: 0 }]);
    expect(results).toEqual([
      {
        messageId: "m-1",
        eventId: repository.all()[0]?.id,
        committed: true,
        processed: true,
        duplicate: false,
        failure: null,
      },
    ]);
    expect(await settle(consumer.stop())).toEqual({ clean: true, abandoned: 0 });
    expect(ready()).toBe(0);
  });

  it("holds no more messages than the prefetch, and works on no more than the concurrency", async () => {
    const held = createGate();
    const fixture = createInboxFixture({ broker: { prefetch: 12 }, concurrency: 3 }, () => held.opened);
    const { consumer, send, begun, effects, ready, breathe, settle, until } = fixture;
    await settle(consumer.start());
    for (let index = 0; index < 500; index += 1) send(`m-${index}`);
    await breathe();
    expect([begun.length, consumer.health().inHand, ready()]).toEqual([3, 12, 488]);
    held.open();
    await until(() => effects.length === 500);
    expect([new Set(effects).size, consumer.health().inHand, ready()]).toEqual([500, 0, 0]);
  });

  it("gives handlers what they are called with, and steps a context without a lease", async () => {
    const seen: unknown[] = [];
    const { consumer, send, breathe, settle } = createInboxFixture(
      {
        steps: [
          (event, context, next) => {
            seen.push([event.messageId, event.seq, context.fence, context.leaseRemainingMs(event)]);
            return next();
          },
        ],
      },
      (event, { attempt, signal }) => void seen.push([event.type, event.receivedAt, attempt, signal.aborted]),
    );
    await settle(consumer.start());
    send("m-1");
    await breathe();
    expect(seen).toEqual([
      ["m-1", 0n, null, Number.POSITIVE_INFINITY],
      ["order.placed", new Date("2026-01-01T00:00:00Z"), 1, false],
    ]);
  });

  it("starts and stops once, however often it is told to", async () => {
    const { consumer, repository, settle } = createInboxFixture({ processor: false });
    await settle(Promise.all([consumer.start(), consumer.start()]));
    await settle(consumer.start());
    expect([consumer.state, repository.calls]).toEqual(["running", ["verify"]]);
    const [first, second] = [consumer.stop(), consumer.stop()];
    expect(await settle(first)).toEqual(await settle(second));
    expect(consumer.state).toBe("stopped");
  });

  it("does not begin to consume when the store is not ready, and says what is missing", async () => {
    const { consumer, repository, send, ready, breathe } = createInboxFixture();
    repository.onNext("verify", async () => ["table inbox_event is missing"]);
    send("m-1");
    await expect(consumer.start()).rejects.toMatchObject({
      code: "CONFIG.STORE_NOT_READY",
      message: expect.stringContaining("table inbox_event is missing"),
    });
    await breathe();
    expect([consumer.state, ready()]).toEqual(["stopped", 1]);
  });

  it("leaves nothing running when its processor cannot start, and can be started again", async () => {
    const { consumer, clock, repository, send, effects, ready, breathe, settle } = createInboxFixture();
    repository.onNext("verify", (carryOut) => carryOut());
    repository.failNext("verify", new OmniBoxError("STORE.UNREACHABLE", "gone again"));
    await expect(settle(consumer.start())).rejects.toMatchObject({ code: "STORE.UNREACHABLE" });
    send("m-1");
    await breathe();
    expect([consumer.state, ready(), clock.pendingTimers]).toEqual(["stopped", 1, 0]);
    await settle(consumer.start());
    await breathe();
    expect(effects).toEqual(["m-1"]);
  });

  it("runs no processor when another process does that", async () => {
    const { consumer, clock, repository, send, rows, breathe, settle } = createInboxFixture(
      { processor: false },
      () => {
        throw new Error("no");
      },
    );
    await settle(consumer.start());
    send("m-1");
    await breathe();
    await clock.advance(60_000);
    expect(rows()).toEqual([{ messageId: "m-1", status: "pending", attemptsMade: 1 }]);
    expect([repository.calls.includes("claim"), consumer.metrics().processor]).toEqual([false, null]);
    consumer.nudge();
    await consumer.drain();
  });

  it("drains: nothing in hand, and nothing due in the store", async () => {
    const { consumer, send, effects, breathe, settle } = createInboxFixture({ mode: "storeThenProcess" });
    await consumer.drain();
    await settle(consumer.start());
    for (let index = 0; index < 10; index += 1) send(`m-${index}`);
    await breathe();
    await settle(consumer.drain());
    expect(effects).toHaveLength(10);
  });
});

describe("the health of an inbox consumer", () => {
  it("follows its life, the broker and the database", async () => {
    const { consumer, broker, breathe, settle } = createInboxFixture();
    expect(consumer.health()).toEqual({
      status: "unhealthy",
      state: "stopped",
      reasons: ["the inbox consumer is stopped"],
      inHand: 0,
    });
    await settle(consumer.start());
    expect(consumer.health()).toEqual({ status: "healthy", state: "running", reasons: [], inHand: 0 });
    broker.disconnect();
    expect(consumer.health()).toMatchObject({ status: "unhealthy", reasons: ["the broker cannot be reached"] });
    broker.reconnect();
    await breathe();
    expect(consumer.health().status).toBe("healthy");
  });

  it("is degraded when a message stays in hand, as when a step never answers", async () => {
    const { consumer, clock, send, breathe, settle } = createInboxFixture({
      steps: [() => new Promise<never>(() => undefined)],
      handlerTimeoutMs: 1_000,
    });
    await settle(consumer.start());
    send("m-1");
    await breathe();
    await clock.advance(3_000 + defaults.inHandMarginMs);
    expect(consumer.health().status).toBe("healthy");
    await clock.advance(1);
    expect(consumer.health()).toMatchObject({
      status: "degraded",
      reasons: ["a message has been in hand for 303 s: a step hangs, or more wait than are handled"],
      inHand: 1,
    });
  });

  it("is unhealthy when a transaction does not end", async () => {
    const { consumer, clock, repository, send, breathe, settle } = createInboxFixture({ handlerTimeoutMs: 1_000 });
    repository.onNext("transaction", () => new Promise<never>(() => undefined));
    await settle(consumer.start());
    send("m-1");
    await breathe();
    await clock.advance(61_000);
    expect(consumer.health().status).toBe("healthy");
    await clock.advance(2_000);
    expect(consumer.health()).toMatchObject({
      status: "unhealthy",
      reasons: [expect.stringMatching(/^a transaction has been open for \d+ s$/)],
    });
  });
});

describe("onResult", () => {
  it.each([
    [
      "throws",
      () => {
        throw new Error("hostile");
      },
    ],
    ["rejects", () => Promise.reject(new Error("hostile"))],
    [
      "returns a thenable that throws",
      () => ({
        // biome-ignore lint/suspicious/noThenProperty: the hostility under test
        get then(): never {
          throw new Error("hostile");
        },
      }),
    ],
  ])("stops nothing when it %s, and is complained about once", async (_name, onResult) => {
    const { consumer, send, effects, logger, ready, breathe, settle } = createInboxFixture({ onResult });
    await settle(consumer.start());
    for (let index = 0; index < 3; index += 1) send(`m-${index}`);
    await breathe();
    expect([effects.length, ready(), consumer.metrics().processed]).toEqual([3, 0, 3]);
    expect(logger.alarms).toEqual(["onResult throws; its results are incomplete"]);
    expect(await settle(consumer.stop())).toEqual({ clean: true, abandoned: 0 });
  });
});

describe("the log", () => {
  it("has one line a second at most over messages that fail for good", async () => {
    const { consumer, clock, send, logger, breathe, settle } = createInboxFixture({ maxAttempts: 1 }, () => {
      throw new Error("a wrong deployment");
    });
    await settle(consumer.start());
    for (let index = 0; index < 50; index += 1) send(`m-${index}`);
    await breathe();
    await clock.advance(1_000);
    send("m-last");
    await breathe();
    expect(logger.lines.filter(({ level }) => level === "error")).toMatchObject([
      { fields: { messages: 1 } },
      { fields: { messages: 49, messageId: "m-49" } },
    ]);
  });
});
