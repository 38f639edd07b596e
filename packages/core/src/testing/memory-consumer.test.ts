import { describe, expect, it } from "vitest";
import { isOmniBoxError } from "../errors/omni-box-error.js";
import type { AckHandle, ConsumedMessage } from "../protocols/event-consumer.js";
import type { OutgoingMessage } from "../protocols/event-publisher.js";
import { createManualClock } from "./manual-clock.js";
import { createMemoryBroker } from "./memory-broker.js";
import type { MemoryConsumerOptions } from "./memory-consumer.js";

interface Received {
  readonly message: ConsumedMessage;
  readonly handle: AckHandle;
}

function opened() {
  const clock = createManualClock();
  const broker = createMemoryBroker({ clock });
  broker.bind("q", "#");
  const send = (...ids: string[]) => {
    for (const messageId of ids) broker.publishRaw("q", { messageId });
  };
  /** A started consumer, and what it has been given. */
  async function started(options: Partial<MemoryConsumerOptions> = {}) {
    const consumer = broker.consumer({ queue: "q", ...options });
    const received: Received[] = [];
    await consumer.start((message, handle) => void received.push({ message, handle }));
    await delivered();
    const ids = () => received.map(({ message }) => message.messageId);
    const handleOf = (id: string, nth = 0) => {
      const found = received.filter(({ message }) => message.messageId === id)[nth];
      if (found === undefined) throw new Error(`${id} was not received ${nth + 1} times`);
      return found.handle;
    };
    return { consumer, received, ids, handleOf };
  }
  return { clock, broker, send, started };
}

/** By then everything that can be delivered has been. */
const delivered = () => new Promise((resolve) => setImmediate(resolve));

describe("a consumer of the in-memory broker", () => {
  it("gets what publishers send, with everything that they said, and leaves the record of arrivals alone", async () => {
    const { broker, started } = opened();
    const publisher = broker.publisher();
    await publisher.start();
    const sent: OutgoingMessage = {
      id: "m1",
      topic: "orders",
      type: "order.placed",
      partitionKey: "k",
      contentType: "application/json",
      body: Buffer.from("{}"),
      headers: { "omni-version": "1" },
      correlationId: "c",
      timestamp: new Date(5_000),
    };
    await publisher.publish(sent, { timeoutMs: 100 });
    const { received, handleOf } = await started();
    expect(received[0]?.message).toEqual({
      messageId: "m1",
      topic: "orders",
      type: "order.placed",
      contentType: "application/json",
      contentEncoding: null,
      correlationId: "c",
      headers: { "omni-version": "1" },
      timestamp: new Date(5_000),
      body: Uint8Array.from(Buffer.from("{}")),
      source: "q",
      redelivered: false,
      deliveryCount: 0,
    });
    handleOf("m1").ack();
    expect(broker.messages("q").map(({ id }) => id)).toEqual(["m1"]);
  });

  it("gets foreign messages, and messages again, as they are put into its queue", async () => {
    const { broker, started } = opened();
    const { received, handleOf } = await started();
    broker.publishRaw("q", { body: Buffer.from("no JSON") });
    await delivered();
    const [first] = received;
    expect(first?.message).toMatchObject({ messageId: null, type: null, headers: {}, timestamp: null });
    broker.publishRaw("q", { ...first?.message, messageId: "twice" });
    broker.publishRaw("q", { ...first?.message, messageId: "twice" });
    await delivered();
    handleOf("twice").ack();
    handleOf("twice", 1).ack();
    expect(received.map(({ message }) => Buffer.from(message.body).toString())).toEqual(Array(3).fill("no JSON"));
    expect(broker.messages("q")).toEqual([]);
  });

  it("has at most prefetch messages in hand, in the order of the queue", async () => {
    const { broker, send, started } = opened();
    send("1", "2", "3", "4");
    const { consumer, ids, handleOf } = await started({ prefetch: 2 });
    expect([ids(), consumer.health().unsettled, broker.countReady("q"), consumer.prefetch]).toEqual([
      ["1", "2"],
      2,
      2,
      2,
    ]);
    handleOf("2").ack();
    await delivered();
    expect(ids()).toEqual(["1", "2", "3"]);
  });

  it("competes with others for each message of its queue", async () => {
    const { send, started } = opened();
    const [a, b] = [await started(), await started()];
    send("1", "2", "3", "4", "5");
    await delivered();
    expect([a.ids(), b.ids()]).toEqual([
      ["1", "3", "5"],
      ["2", "4"],
    ]);
  });

  it("gets a message that was put back again, at its place and counted", async () => {
    const { send, started } = opened();
    send("1", "2", "3");
    const { received, ids, handleOf } = await started({ prefetch: 2 });
    handleOf("1").requeue();
    await delivered();
    handleOf("1", 1).requeue();
    await delivered();
    expect(ids()).toEqual(["1", "2", "1", "1"]);
    expect(received.map(({ message }) => [message.deliveryCount, message.redelivered])).toEqual([
      [0, false],
      [0, false],
      [1, true],
      [2, true],
    ]);
  });

  it("lets the rest of the process go on when it puts everything back at once", async () => {
    const { broker, send } = opened();
    const consumer = broker.consumer({ queue: "q" });
    let deliveries = 0;
    await consumer.start((_message, handle) => {
      deliveries += 1;
      handle.requeue();
    });
    send("1");
    for (let turn = 0; turn < 3; turn += 1) await delivered();
    await consumer.stop({ timeoutMs: 100 });
    await delivered();
    expect([deliveries > 1, broker.countReady("q")]).toEqual([true, 1]);
  });

  it("settles each message once: the first word decides", async () => {
    const { broker, send, started } = opened();
    send("1", "2");
    const { ids, handleOf } = await started();
    handleOf("1").ack();
    handleOf("1").requeue();
    handleOf("1").deadLetter();
    handleOf("2").deadLetter();
    handleOf("2").requeue();
    await delivered();
    expect([ids(), broker.countReady("q")]).toEqual([["1", "2"], 0]);
    expect(broker.deadLetters("q").map(({ messageId }) => messageId)).toEqual(["2"]);
  });

  it("can stand for a broker that neither counts deliveries nor keeps dead letters", async () => {
    const { broker, send, started } = opened();
    send("1");
    const { consumer, received, handleOf } = await started({ countsDeliveries: false, deadLetters: false });
    expect(consumer.capabilities).toEqual({ countsDeliveries: false, deadLetters: false });
    handleOf("1").requeue();
    await delivered();
    expect(received[1]?.message).toMatchObject({ deliveryCount: null, redelivered: true });
    handleOf("1", 1).deadLetter();
    expect([broker.deadLetters("q"), broker.countReady("q")]).toEqual([[], 0]);
  });

  it("sees no change that another receiver made to a body", async () => {
    const { broker, started } = opened();
    broker.publishRaw("q", { messageId: "1", body: Buffer.from("text") });
    const { received, handleOf } = await started();
    received[0]?.message.body.fill(0);
    handleOf("1").requeue();
    await delivered();
    expect(Buffer.from(received[1]?.message.body ?? []).toString()).toBe("text");
  });
});

describe("a consumer of the in-memory broker that loses its channel", () => {
  it("gets what it had in hand again after the outage; the old handles are told and settle nothing", async () => {
    const { broker, send, started } = opened();
    send("1", "2", "3");
    const { consumer, received, ids, handleOf } = await started({ prefetch: 2 });
    const old = handleOf("1");
    handleOf("2").ack();
    broker.disconnect();
    expect([old.lost.aborted, consumer.health()]).toEqual([
      true,
      { status: "unhealthy", reasons: ["the broker cannot be reached"], unsettled: 0 },
    ]);
    await delivered();
    expect([ids(), broker.countReady("q")]).toEqual([["1", "2"], 2]);
    broker.reconnect();
    await delivered();
    old.ack();
    old.requeue();
    expect(ids()).toEqual(["1", "2", "1", "3"]);
    expect(received[2]?.message).toMatchObject({ redelivered: true, deliveryCount: 1 });
    expect(consumer.health()).toEqual({ status: "healthy", reasons: [], unsettled: 2 });
    expect(handleOf("1", 1).lost.aborted).toBe(false);
  });

  it("opens a new one at once when only the consumers are dropped", async () => {
    const { broker, send, started } = opened();
    const publisher = broker.publisher();
    await publisher.start();
    send("1");
    const { ids, handleOf } = await started();
    broker.dropConsumers();
    await delivered();
    expect([ids(), handleOf("1").lost.aborted, publisher.health().status]).toEqual([["1", "1"], true, "healthy"]);
  });

  it("begins during an outage without an error, and gets messages when it is over", async () => {
    const { broker, send, started } = opened();
    broker.disconnect();
    const { ids } = await started();
    send("1");
    await delivered();
    expect(ids()).toEqual([]);
    broker.reconnect();
    await delivered();
    expect(ids()).toEqual(["1"]);
  });

  it("says that its queue is missing: at the start, or in its health when that was during an outage", async () => {
    const { broker, started } = opened();
    await expect(started({ queue: "typo" })).rejects.toSatisfy((error) =>
      isOmniBoxError(error, "CONFIG.TOPOLOGY_MISMATCH"),
    );
    broker.disconnect();
    const { consumer } = await started({ queue: "late" });
    broker.reconnect();
    expect(consumer.health().reasons).toEqual([`there is no queue "late"`]);
    broker.bind("late", "#");
    expect(consumer.health().status).toBe("healthy");
  });
});

describe("pausing and stopping a consumer of the in-memory broker", () => {
  it("paused it gets nothing more, settles what it has, and goes on when started again", async () => {
    const { broker, send, started } = opened();
    send("1", "2");
    const { consumer, received, ids, handleOf } = await started({ prefetch: 1 });
    await consumer.pause();
    await consumer.pause();
    handleOf("1").ack();
    await delivered();
    expect([ids(), broker.countReady("q"), consumer.health().reasons]).toEqual([["1"], 1, ["the consumer is paused"]]);
    await consumer.start((message, handle) => void received.push({ message, handle }));
    await delivered();
    expect(ids()).toEqual(["1", "2"]);
  });

  it("does not come back by itself when it lost its channel while it was paused", async () => {
    const { broker, send, started } = opened();
    send("1");
    const { consumer, ids } = await started();
    await consumer.pause();
    broker.dropConsumers();
    await delivered();
    expect([ids(), broker.countReady("q")]).toEqual([["1"], 1]);
  });

  it("stopping waits for what is in hand", async () => {
    const { clock, send, started } = opened();
    send("1");
    const { consumer, handleOf } = await started();
    let isStopped = false;
    const stopping = consumer.stop({ timeoutMs: 100 }).then(() => {
      isStopped = true;
    });
    await delivered();
    expect(isStopped).toBe(false);
    handleOf("1").ack();
    await stopping;
    expect([clock.pendingTimers, consumer.health()]).toEqual([
      0,
      { status: "unhealthy", reasons: ["the consumer is stopped"], unsettled: 0 },
    ]);
  });

  it("stopped it leaves what is unsettled by then to others, and can be started again", async () => {
    const { clock, broker, send, started } = opened();
    send("1");
    const { consumer, received, ids, handleOf } = await started();
    const stopping = Promise.all([consumer.stop({ timeoutMs: 100 }), consumer.stop({ timeoutMs: 100 })]);
    await clock.advance(100);
    await stopping;
    handleOf("1").ack();
    expect([handleOf("1").lost.aborted, broker.countReady("q"), ids()]).toEqual([true, 1, ["1"]]);
    await consumer.stop({ timeoutMs: 100 });
    await consumer.start((message, handle) => void received.push({ message, handle }));
    await consumer.start(() => undefined);
    await delivered();
    expect(ids()).toEqual(["1", "1"]);
  });
});

it("reports all bad options of a consumer at once", () => {
  const { broker } = opened();
  expect(() => broker.consumer({ queue: "", prefetch: 0, noAck: true } as never)).toThrowError(
    /queue.*prefetch.*unknown option "noAck"/s,
  );
});
