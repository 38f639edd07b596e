import { describe, expect, it } from "vitest";
import { isOmniBoxError } from "../errors/omni-box-error.js";
import type { OutgoingMessage } from "../protocols/event-publisher.js";
import { createManualClock } from "./manual-clock.js";
import { createMemoryBroker } from "./memory-broker.js";

const options = { timeoutMs: 1_000 };

function message(id: string, topic = "orders", body: Uint8Array = Buffer.from("{}")): OutgoingMessage {
  return {
    id,
    topic,
    type: "order.placed",
    partitionKey: "1",
    contentType: "application/json",
    body,
    headers: {},
    correlationId: null,
    timestamp: new Date(0),
  };
}

async function started() {
  const clock = createManualClock();
  const broker = createMemoryBroker({ clock, maxMessageBytes: 100 });
  broker.bind("all", "#");
  const publisher = broker.publisher();
  await publisher.start();
  return { clock, broker, publisher };
}

const idsIn = (messages: readonly OutgoingMessage[]) => messages.map(({ id }) => id);
const withCode = (code: "BROKER.NACKED" | "BROKER.PUBLISH_TIMEOUT" | "CONFIG.TOPOLOGY_MISMATCH" | "BROKER.BLOCKED") =>
  expect.toSatisfy((error) => isOmniBoxError(error, code), `an error with code ${code}`);

// What every publisher promises is tested by the conformance kit; here is what only this broker promises.

describe("routing of the in-memory broker", () => {
  it("puts one copy into every queue with a matching binding, however many of its bindings match", async () => {
    const { broker, publisher } = await started();
    broker.bind("orders", "orders.*");
    broker.bind("orders", "orders.placed");
    broker.bind("others", "others");
    await publisher.publish(message("1", "orders.placed"), options);
    expect(["all", "orders", "others"].map((queue) => idsIn(broker.messages(queue)))).toEqual([["1"], ["1"], []]);
  });

  it("keeps the message as it was when it was sent", async () => {
    const { broker, publisher } = await started();
    const body = Buffer.from("before");
    await publisher.publish(message("1", "orders", body), options);
    body.write("after!");
    expect(Buffer.from(broker.messages("all")[0]?.body ?? []).toString()).toBe("before");
  });

  it("knows only queues that were bound", async () => {
    const { broker } = await started();
    expect(() => broker.messages("al")).toThrowError(/no queue "al".*queues: all/);
  });
});

describe("readers of the in-memory broker", () => {
  it("are told as soon as enough messages are there", async () => {
    const { broker, publisher } = await started();
    const waiting = broker.waitForMessages("all", 2);
    await publisher.publish(message("1"), options);
    await publisher.publish(message("2"), options);
    expect(idsIn(await waiting)).toEqual(["1", "2"]);
    expect(idsIn(await broker.waitForMessages("all", 1))).toEqual(["1", "2"]);
  });

  it("that subscribe get the messages of the past first, and none after they have ended it", async () => {
    const { broker, publisher } = await started();
    await publisher.publish(message("1"), options);
    const seen: string[] = [];
    const end = broker.subscribe("all", ({ id }) => void seen.push(id));
    await publisher.publish(message("2"), options);
    end();
    await publisher.publish(message("3"), options);
    expect(seen).toEqual(["1", "2"]);
  });
});

describe("faults of the in-memory broker", () => {
  it("nack as many messages as were asked for, of matching topics only", async () => {
    const { broker, publisher } = await started();
    broker.nackNext(1, "bad.*");
    await publisher.publish(message("1", "good"), options);
    await expect(publisher.publish(message("2", "bad.topic"), options)).rejects.toEqual(withCode("BROKER.NACKED"));
    await publisher.publish(message("3", "bad.topic"), options);
    expect(idsIn(broker.messages("all"))).toEqual(["1", "3"]);
  });

  it("drop as many confirms as were asked for: the message is there and the publish times out", async () => {
    const { clock, broker, publisher } = await started();
    broker.dropConfirms(1);
    const first = publisher.publish(message("1"), options);
    const rejected = expect(first).rejects.toEqual(withCode("BROKER.PUBLISH_TIMEOUT"));
    await publisher.publish(message("2"), options);
    await clock.advance(1_000);
    await rejected;
    expect(idsIn(broker.messages("all"))).toEqual(["1", "2"]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("hold confirms back until they are released", async () => {
    const { broker, publisher } = await started();
    broker.holdConfirms();
    const publishing = publisher.publish(message("1"), options);
    expect(idsIn(await broker.waitForMessages("all", 1))).toEqual(["1"]);
    expect(publisher.health()).toMatchObject({ status: "healthy", unconfirmed: 1 });
    broker.releaseConfirms();
    await publishing;
    expect(publisher.health().unconfirmed).toBe(0);
  });

  it("block publishers until the time-out, whose messages are never sent", async () => {
    const { clock, broker, publisher } = await started();
    broker.block();
    const rejected = expect(publisher.publish(message("1"), options)).rejects.toEqual(withCode("BROKER.BLOCKED"));
    expect(publisher.health().status).toBe("degraded");
    await clock.advance(1_000);
    await rejected;
    broker.unblock();
    expect(broker.messages("all")).toEqual([]);
  });

  it("lose the answers of a connection that was cut", async () => {
    const { broker, publisher } = await started();
    broker.holdConfirms();
    const outcome = publisher.publish(message("1"), options).then(
      () => "resolved",
      (error: unknown) => (isOmniBoxError(error) ? error.code : "foreign"),
    );
    broker.disconnect();
    broker.reconnect();
    broker.releaseConfirms();
    expect(await outcome).toBe("BROKER.CONNECTION_LOST");
  });
});

describe("a publisher of the in-memory broker", () => {
  it("can be started again after it was stopped", async () => {
    const { broker, publisher } = await started();
    await publisher.stop({ timeoutMs: 100 });
    await publisher.start();
    await publisher.publish(message("1"), options);
    expect(idsIn(broker.messages("all"))).toEqual(["1"]);
  });

  it("rejects with what mayWrite threw, and goes on", async () => {
    const { clock, publisher } = await started();
    const mayWrite = () => {
      throw new Error("broken check");
    };
    await expect(publisher.publish(message("1"), { ...options, mayWrite })).rejects.toThrow("broken check");
    await publisher.publish(message("2"), options);
    expect([publisher.health().unconfirmed, clock.pendingTimers]).toEqual([0, 0]);
  });
});
