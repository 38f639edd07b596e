import { randomUUID } from "node:crypto";
import type { EventConsumer } from "@omni-box/core";
import amqp from "amqplib";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { assertTopology, consistentHashTopology, createRabbitMqConsumer } from "../src/index.js";
import { recordDeliveries } from "./consumed.js";
import { feed, raiseMemoryAlarm } from "./memory-alarm.js";
import { type PrivateRabbitMq, startPrivateRabbitMq } from "./private-rabbitmq.js";
import { createRecordingLogger, type RecordingLogger } from "./recording-logger.js";
import { withHeartbeat } from "./test-broker.js";

const timeoutMs = 5_000;
let node: PrivateRabbitMq;
let url: string;
let queue: string;
let logger: RecordingLogger;
let consumers: EventConsumer[];

beforeAll(async () => {
  node = await startPrivateRabbitMq([], ["rabbitmq_consistent_hash_exchange"]);
  url = withHeartbeat(node.url);
});
afterAll(() => node.remove());
beforeEach(() => {
  queue = `queue-${randomUUID()}`;
  logger = createRecordingLogger();
  consumers = [];
});
afterEach(async () => {
  await Promise.all(consumers.map((consumer) => consumer.stop({ timeoutMs: 0 })));
});

function create(options: object = {}): EventConsumer {
  const connect = () => amqp.connect(url);
  const consumer = createRabbitMqConsumer({ connect, queue, logger, reconnectMaxMs: 500, ...options });
  consumers.push(consumer);
  return consumer;
}

interface Sent {
  readonly id: string;
  readonly key: string;
}

/** Publishes over a connection of its own, which a broker that goes away does not take along. */
async function send(exchange: string, routingKey: string, messages: readonly Sent[]): Promise<void> {
  const connection = await amqp.connect(url);
  const channel = await connection.createConfirmChannel();
  for (const { id, key } of messages) {
    const headers = { "omni-partition-key": key };
    channel.publish(exchange, routingKey, Buffer.from("{}"), { messageId: id, persistent: true, headers });
  }
  await channel.waitForConfirms();
  await connection.close();
}

const some = (count: number): Sent[] =>
  Array.from({ length: count }, (_, index) => ({ id: randomUUID(), key: `key-${index % 50}` }));

describe("a broker that goes away and comes back", () => {
  it.each([
    ["stopped in good order", () => node.ctl("stop_app"), () => node.ctl("start_app")],
    ["killed with SIGKILL", () => node.kill(), () => node.start()],
  ])("delivers again what was in hand, and everything that came meanwhile: %s", async (_title, end, begin) => {
    const { listener, waitForIds, delivered } = recordDeliveries(({ handle }) => {
      setImmediate(() => handle.ack());
    });
    const holding = recordDeliveries();
    const consumer = create();
    await consumer.start(holding.listener);
    // RabbitMQ notes a new quorum queue on disk with a delay; one made just before a SIGKILL would be gone for good.
    await node.ctl("stop_app");
    await node.ctl("start_app");
    await logger.waitFor(/connected to RabbitMQ again/);
    const before = some(100);
    await send("", queue, before);
    const inHand = [...(await holding.waitFor(100))];

    await end();
    await logger.waitFor(/was lost/, 2);
    for (const { handle } of inHand) expect(handle.lost.aborted).toBe(true);
    expect(consumer.health().status).not.toBe("healthy");
    await begin();
    await logger.waitFor(/connected to RabbitMQ again/, 2);
    await consumer.stop({ timeoutMs: 0 });
    const after = some(100);
    await send("", queue, after);
    await consumer.start(listener);

    await waitForIds([...before, ...after].map(({ id }) => id));
    await consumer.stop({ timeoutMs });
    const counts = new Map(delivered.map(({ message }) => [message.messageId, message.deliveryCount]));
    expect(before.every(({ id }) => counts.get(id) !== 0)).toBe(true);
    expect(after.every(({ id }) => counts.get(id) === 0)).toBe(true);
  });
});

describe("a broker short of memory", () => {
  afterEach(() => feed(node));

  it("goes on delivering and hears acks, also the last ones before a stop", async () => {
    const { listener, waitFor } = recordDeliveries(({ handle }) => setImmediate(() => handle.ack()));
    const consumer = create({ prefetch: 10 });
    const { listener: hold, waitFor: held } = recordDeliveries();
    await consumer.start(hold);
    await send("", queue, some(200));
    await held(10);
    await consumer.stop({ timeoutMs: 0 });
    await raiseMemoryAlarm(node);

    await consumer.start(listener);
    await waitFor(200);
    expect(consumer.health().status).toBe("healthy");
    await consumer.stop({ timeoutMs });

    await feed(node);
    const connection = await amqp.connect(url);
    const { messageCount } = await (await connection.createChannel()).checkQueue(queue);
    await connection.close();
    expect(messageCount).toBe(0);
  });
});

describe("a consistent-hash set-up", () => {
  const hash = (exchange: string) =>
    consistentHashTopology({
      exchange,
      queues: 4,
      bindings: [{ exchange: `${exchange}.events`, routingKey: "orders" }],
    });

  it("gives all messages of a key to one queue, in order, and uses every queue", async () => {
    const exchange = `hash-${randomUUID()}`;
    const { topology, queues, deadLetter } = hash(exchange);
    const recording = recordDeliveries(({ handle }) => handle.ack());
    for (const name of queues) {
      const options = { queue: name, declare: "check", singleActiveConsumer: true, deadLetter };
      await create({ ...options, topology: { assert: topology } }).start(recording.listener);
    }
    const messages = some(500);

    await send(`${exchange}.events`, "orders", messages);
    await send(`${exchange}.events`, "payments", some(5));
    await recording.waitForIds(messages.map(({ id }) => id));

    const queuesOf = new Map<string, Set<string>>();
    const order = new Map<string, (string | null)[]>();
    for (const { message } of recording.delivered) {
      const key = message.headers["omni-partition-key"] ?? "";
      queuesOf.set(key, (queuesOf.get(key) ?? new Set()).add(message.source));
      order.set(key, [...(order.get(key) ?? []), message.messageId]);
    }
    expect(recording.delivered).toHaveLength(500);
    expect([...queuesOf.values()].every((used) => used.size === 1)).toBe(true);
    expect(new Set([...queuesOf.values()].flatMap((used) => [...used]))).toEqual(new Set(queues));
    for (const [key, ids] of order) {
      expect(ids).toEqual(messages.filter((message) => message.key === key).map(({ id }) => id));
    }
  });

  it("without the plugin is refused with the way to enable it", async () => {
    const plain = await startPrivateRabbitMq();
    const connection = await amqp.connect(plain.url);
    connection.on("error", () => undefined);
    try {
      await expect(assertTopology(connection, hash("shipping").topology)).rejects.toMatchObject({
        code: "CONFIG.TOPOLOGY_MISMATCH",
        message: expect.stringMatching(
          /unknown exchange type .*rabbitmq-plugins enable rabbitmq_consistent_hash_exchange/,
        ),
      });
      const consumer = createRabbitMqConsumer({
        connect: () => amqp.connect(plain.url),
        queue: "shipping.0",
        topology: { assert: hash("shipping").topology },
        logger,
      });
      await expect(consumer.start(() => undefined)).rejects.toMatchObject({ code: "CONFIG.TOPOLOGY_MISMATCH" });
    } finally {
      await plain.remove();
    }
  });
});
