import { describe, expect, it } from "vitest";
import { createGate } from "../../test/gate.js";
import { createInboxFixture } from "../../test/inbox-fixture.js";
import { OmniBoxError } from "../errors/omni-box-error.js";

const never = () => new Promise<never>(() => undefined);

describe("stop", () => {
  it("waits for handlers at work, commits and acknowledges them, and gives back what was not begun", async () => {
    const held = createGate();
    const fixture = createInboxFixture({ concurrency: 2 }, () => held.opened);
    const { consumer, clock, send, effects, begun, results, ready, breathe, settle } = fixture;
    await settle(consumer.start());
    for (let index = 1; index <= 5; index += 1) send(`m-${index}`);
    await breathe();
    const stopping = consumer.stop();
    await clock.advance(5_000);
    expect([consumer.state, begun, ready()]).toEqual(["stopping", ["m-1", "m-2"], 3]);
    held.open();
    expect(await settle(stopping)).toEqual({ clean: true, abandoned: 0 });
    expect([effects, begun, ready()]).toEqual([["m-1", "m-2"], ["m-1", "m-2"], 3]);
    expect(results.filter(({ committed }) => !committed)).toMatchObject(
      new Array(3).fill({ processed: false, failure: { code: "BROKER.STOPPED" } }),
    );
    expect(consumer.metrics()).toMatchObject({ processed: 2, requeued: 3 });
    expect([consumer.state, clock.pendingTimers]).toEqual(["stopped", 0]);
  });

  it("aborts the signals of handlers at the time-out, rolls back, gives their messages back and says how many", async () => {
    const aborted: string[] = [];
    const fixture = createInboxFixture({ stopTimeoutMs: 2_000 }, ({ messageId }, { signal }) => {
      signal.addEventListener("abort", () => aborted.push(messageId));
      return never();
    });
    const { consumer, clock, send, effects, rows, ready, breathe, settle } = fixture;
    await settle(consumer.start());
    send("m-1");
    send("m-2");
    await breathe();
    const stopping = consumer.stop();
    await clock.advance(1_999);
    expect([aborted, ready()]).toEqual([[], 0]);
    expect(await settle(stopping)).toEqual({ clean: false, abandoned: 2 });
    expect([aborted, effects, rows(), ready()]).toEqual([["m-1", "m-2"], [], [], 2]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("ends although a transaction never does, and leaves its message to the broker", async () => {
    const { consumer, repository, send, effects, ready, breathe, settle } = createInboxFixture({
      stopTimeoutMs: 1_000,
    });
    repository.onNext("transaction", never);
    await settle(consumer.start());
    send("m-1");
    await breathe();
    expect(await settle(consumer.stop())).toEqual({ clean: false, abandoned: 1 });
    expect([effects, ready()]).toEqual([[], 1]);
  });

  it("goes on although the subscription cannot be ended in order, and does not wait for ever for that", async () => {
    for (const pause of [never, () => Promise.reject(new Error("channel closed"))]) {
      const { consumerOver, send, effects, breathe, settle } = createInboxFixture();
      const consumer = consumerOver((eventConsumer) => ({ ...eventConsumer, pause }));
      await settle(consumer.start());
      send("m-1");
      await breathe();
      expect(effects).toEqual(["m-1"]);
      expect(await settle(consumer.stop())).toEqual({ clean: true, abandoned: 0 });
    }
  });

  it("ends during an outage, and gives everything back", async () => {
    const { consumer, repository, send, results, ready, breathe, settle } = createInboxFixture({ processor: false });
    await settle(consumer.start());
    repository.breakDown(new OmniBoxError("STORE.UNREACHABLE", "away"), "transaction", "store");
    for (let index = 0; index < 15; index += 1) send(`m-${index}`);
    await breathe();
    expect(await settle(consumer.stop())).toEqual({ clean: true, abandoned: 0 });
    expect([ready(), results.length]).toEqual([15, 15]);
  });

  it("can be followed by another start, which handles what has come meanwhile", async () => {
    const { consumer, send, effects, breathe, settle } = createInboxFixture();
    await settle(consumer.start());
    send("m-1");
    await breathe();
    await settle(consumer.stop());
    send("m-2");
    await breathe();
    expect(effects).toEqual(["m-1"]);
    await settle(consumer.start());
    await breathe();
    expect(effects).toEqual(["m-1", "m-2"]);
    await settle(consumer.stop());
  });

  it("stops with `await using`", async () => {
    const fixture = createInboxFixture();
    await fixture.settle(
      (async () => {
        await using consumer = fixture.consumer;
        await consumer.start();
      })(),
    );
    expect(fixture.consumer.state).toBe("stopped");
  });
});

describe("the loss of a channel", () => {
  it("lets handlers at work finish, drops what was not begun, and applies each message once", async () => {
    const held = createGate();
    const fixture = createInboxFixture({ concurrency: 2 }, () => held.opened);
    const { consumer, broker, send, effects, begun, results, rows, ready, breathe, settle } = fixture;
    await settle(consumer.start());
    for (let index = 1; index <= 4; index += 1) send(`m-${index}`);
    await breathe();
    broker.dropConsumers();
    await breathe();
    expect(begun).toEqual(["m-1", "m-2"]);
    expect(results).toMatchObject([
      { messageId: "m-3", committed: false, failure: { code: "BROKER.CONNECTION_LOST" } },
      { messageId: "m-4", committed: false, failure: { code: "BROKER.CONNECTION_LOST" } },
    ]);
    held.open();
    await breathe();
    expect([...effects].sort()).toEqual(["m-1", "m-2", "m-3", "m-4"]);
    expect(begun).toHaveLength(4);
    expect(rows().every(({ status }) => status === "completed")).toBe(true);
    // Two of the first channel in vain, then all four of the second.
    expect(results.filter(({ committed }) => committed)).toHaveLength(4);
    expect(consumer.metrics()).toMatchObject({ received: 8, processed: 4, duplicates: 2, lost: 2 });
    expect(ready()).toBe(0);
  });
});
