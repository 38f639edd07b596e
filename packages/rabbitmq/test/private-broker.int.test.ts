import { setTimeout as pause } from "node:timers/promises";
import type { EventPublisher, OutgoingMessage } from "@omni-box/core";
import amqp from "amqplib";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createRabbitMqPublisher, type RabbitMqPublisherOptions } from "../src/index.js";
import { feed, raiseMemoryAlarm } from "./memory-alarm.js";
import { type PrivateRabbitMq, startPrivateRabbitMq } from "./private-rabbitmq.js";
import { createRecordingLogger, type RecordingLogger } from "./recording-logger.js";
import { openTestBroker, type TestBroker, withHeartbeat } from "./test-broker.js";
import { resultOf, resultsOf, testMessage, testMessages } from "./test-message.js";

const timeoutMs = 5_000;
const maxMessageBytes = 65_536;
let node: PrivateRabbitMq;
let broker: TestBroker;
let exchange: string;
let queue: string;
let url: string;
let publisher: EventPublisher;
let logger: RecordingLogger;

beforeAll(async () => {
  node = await startPrivateRabbitMq([`max_message_size = ${maxMessageBytes}`]);
  url = withHeartbeat(node.url);
});
afterAll(() => node.remove());
beforeEach(async () => {
  broker = await openTestBroker(url);
  exchange = await broker.createExchange();
  queue = await broker.createQueue(exchange);
});
afterEach(async () => {
  await publisher.stop({ timeoutMs: 0 });
  await broker.close();
});

async function start(options: Partial<RabbitMqPublisherOptions> = {}): Promise<void> {
  logger = createRecordingLogger();
  const connect = () => amqp.connect(url);
  publisher = createRabbitMqPublisher({ connect, exchange, logger, reconnectMaxMs: 500, ...options });
  await publisher.start();
}

function publishAll(messages: readonly OutgoingMessage[], options = {}): Promise<unknown[]> {
  return resultsOf(messages.map((message) => publisher.publish(message, { timeoutMs, ...options })));
}

describe("a broker that closes a channel over one message", () => {
  const tooLarge = Buffer.alloc(maxMessageBytes + 1);

  it("gets the others of that channel again, in order; only the culprit is refused", async () => {
    const arrived = await broker.collect(queue);
    await start({ channels: 1 });
    const messages = testMessages(50, (index) => ({
      partitionKey: `key-${index}`,
      ...(index === 20 ? { body: tooLarge } : {}),
    }));

    const asked = new Map<string, number>();
    const publications = messages.map((message) =>
      publisher.publish(message, {
        timeoutMs,
        mayWrite: () => asked.set(message.id, (asked.get(message.id) ?? 0) + 1) !== undefined,
      }),
    );
    const behind = testMessage({ partitionKey: "behind" });
    const last = publisher.publish(behind, { timeoutMs });

    const results = await resultsOf([...publications, last]);

    expect(results).toEqual([
      ...messages.map((_, i) => (i === 20 ? "BROKER.MESSAGE_REFUSED" : "confirmed")),
      "confirmed",
    ]);
    expect(asked.get(messages[20]?.id ?? "")).toBe(2);
    const wanted = [...messages.filter((_, index) => index !== 20), behind].map(({ id }) => id);
    expect(await arrived.waitForIds(wanted)).toEqual(wanted);
  });

  it("does not disturb the other channels", async () => {
    await start({ channels: 2 });
    let writes = 0;
    // Two keys that have nothing in common but the publisher: found by what happens to them, whatever the hash.
    const innocents = testMessages(40, (index) => ({ partitionKey: `key-${index}` }));
    const culprit = testMessage({ partitionKey: "culprit", body: tooLarge });

    const results = await Promise.all([publishAll([culprit]), publishAll(innocents, { mayWrite: () => ++writes > 0 })]);

    expect(results).toEqual([["BROKER.MESSAGE_REFUSED"], innocents.map(() => "confirmed")]);
    expect(writes).toBeGreaterThan(innocents.length);
    expect(writes).toBeLessThan(2 * innocents.length);
  });

  it("stops the later messages of the culprit's key, as if its channel had just been lost", async () => {
    const arrived = await broker.collect(queue);
    await start({ channels: 1 });
    const keys = ["one", "bad", "bad", "two"];
    const messages = testMessages(4, (index) => ({
      partitionKey: keys[index] ?? "",
      ...(index === 1 ? { body: tooLarge } : {}),
    }));

    const results = await publishAll(messages);

    expect(results).toEqual(["confirmed", "BROKER.MESSAGE_REFUSED", "BROKER.CONNECTION_LOST", "confirmed"]);
    await arrived.waitFor(2);
    expect(arrived.messages.map(({ properties }) => properties.messageId)).not.toContain(messages[2]?.id);
  });

  it("may be told no before a message is written again", async () => {
    await start({ channels: 1 });
    let writes = 0;
    const culprit = resultOf(publisher.publish(testMessage({ body: tooLarge, partitionKey: "a" }), { timeoutMs }));
    const others = testMessages(3, (index) => ({ partitionKey: `key-${index}` }));

    const results = await publishAll(others, { mayWrite: () => ++writes <= others.length });

    expect(await culprit).toBe("BROKER.MESSAGE_REFUSED");
    expect(new Set(results)).toEqual(new Set(["BROKER.NOT_PERMITTED"]));
  });
});

describe("a broker short of memory", () => {
  // Also after a test that failed in the middle.
  afterEach(() => feed(node));

  it("holds messages back without a failure, until it takes them again", async () => {
    await start();
    await raiseMemoryAlarm(node);
    const written = resultOf(publisher.publish(testMessage(), { timeoutMs: 60_000 }));
    await logger.waitFor(/blocks publishers/);

    expect(publisher.health()).toMatchObject({ status: "degraded" });
    expect(await publishAll(testMessages(3), { timeoutMs: 100 })).toEqual(Array(3).fill("BROKER.BLOCKED"));
    const waiting = publishAll(testMessages(3), { timeoutMs: 60_000 });
    await feed(node);

    expect(await waiting).toEqual(Array(3).fill("confirmed"));
    expect(await written).toBe("confirmed");
    expect(publisher.health().status).toBe("healthy");
    expect(logger.messages("warn", "error")).toEqual(["RabbitMQ blocks publishers; publishing waits"]);
  });

  it("is not taken for a dead one when what was written before times out, and gets nothing twice", async () => {
    const arrived = await broker.collect(queue);
    await start();
    await raiseMemoryAlarm(node);
    const message = testMessage();

    expect(await publishAll([message], { timeoutMs: 100 })).toEqual(["BROKER.PUBLISH_TIMEOUT"]);
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      expect(await publishAll([message], { timeoutMs: 600 })).toEqual(["BROKER.BLOCKED"]);
    }
    await feed(node);
    const next = testMessage();

    expect(await publishAll([next])).toEqual(["confirmed"]);
    expect(await arrived.waitForIds([message.id, next.id])).toHaveLength(2);
    expect(arrived.messages).toHaveLength(2);
    expect(logger.messages("warn", "error")).toEqual(["RabbitMQ blocks publishers; publishing waits"]);
  });

  it("does not hold up the stop", async () => {
    await start();
    await raiseMemoryAlarm(node);
    const written = publishAll(testMessages(1));
    await logger.waitFor(/blocks publishers/);
    const waiting = publishAll(testMessages(1));
    const startedMs = performance.now();

    await publisher.stop({ timeoutMs: 100 });

    expect(performance.now() - startedMs).toBeLessThan(2_000);
    expect([await written, await waiting]).toEqual([["BROKER.CONNECTION_LOST"], ["BROKER.STOPPED"]]);
  });
});

describe("a broker that goes away and comes back", () => {
  it.each([
    ["stopped in good order", () => node.ctl("stop_app"), () => node.ctl("start_app")],
    ["killed with SIGKILL", () => node.kill(), () => node.start()],
  ])("still has everything that was confirmed, and publishing goes on: %s", async (_title, end, begin) => {
    // RabbitMQ notes a new quorum queue on disk with a delay; one made just before a SIGKILL would be gone for good.
    await node.ctl("stop_app");
    await node.ctl("start_app");
    await start();
    const sent: { readonly id: string; readonly result: unknown }[] = [];
    const publishBatch = async (size: number) => {
      const batch = testMessages(size, (index) => ({ partitionKey: `key-${index % 100}` }));
      const results = await publishAll(batch);
      sent.push(...batch.map(({ id }, index) => ({ id, result: results[index] })));
    };
    await publishBatch(100);
    let isLost = false;
    void logger.waitFor(/was lost/).then(() => {
      isLost = true;
    });
    const publishing = (async () => {
      while (!isLost) {
        await publishBatch(100);
        // However long the broker takes to end, all of it is to be read again.
        await pause(20);
      }
    })();

    await end();
    await publishing;
    await begin();
    await logger.waitFor(/connected to RabbitMQ again/);
    const last = testMessage();
    await publisher.publish(last, { timeoutMs });

    const confirmed = sent.filter(({ result }) => result === "confirmed").map(({ id }) => id);
    expect(confirmed.length).toBeGreaterThan(0);
    for (const { result } of sent.filter((message) => message.result !== "confirmed")) {
      expect(["BROKER.CONNECTION_LOST", "BROKER.UNREACHABLE"]).toContain(result);
    }
    broker = await openTestBroker(url);
    const arrived = await broker.collect(queue);
    await arrived.waitForIds([...confirmed, last.id]);
  });
});
