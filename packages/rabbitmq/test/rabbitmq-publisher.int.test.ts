import type { Socket } from "node:net";
import { type EventPublisher, silentLogger, systemClock } from "@omni-box/core";
import amqp from "amqplib";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createRabbitMqPublisher, defineTopology, type RabbitMqPublisherOptions } from "../src/index.js";
import { createRecordingLogger } from "./recording-logger.js";
import { amqpUrl, openTestBroker, type TestBroker } from "./test-broker.js";
import { resultOf, resultsOf, testMessage, testMessages } from "./test-message.js";

const timeoutMs = 5_000;
let broker: TestBroker;
let publisher: EventPublisher;
let connections: number;

beforeAll(async () => {
  broker = await openTestBroker();
});
afterAll(() => broker.close());
afterEach(() => publisher.stop({ timeoutMs: 1_000 }));

/** Starts the publisher of the test, which is stopped afterwards. */
async function start(
  exchange: string,
  options: Partial<RabbitMqPublisherOptions> = {},
  url = amqpUrl,
): Promise<EventPublisher> {
  connections = 0;
  publisher = createRabbitMqPublisher({
    connect: () => {
      connections += 1;
      return amqp.connect(url);
    },
    exchange,
    logger: silentLogger,
    ...options,
  });
  await publisher.start();
  return publisher;
}

it("writes messages of one turn together, and all of them arrive in order", async () => {
  const exchange = await broker.createExchange();
  const arrived = await broker.collect(await broker.createQueue(exchange));
  let writes = 0;
  await start(exchange, {
    channels: 1,
    async connect() {
      const connection = await amqp.connect(amqpUrl);
      const { stream } = connection.connection as unknown as { stream: Socket };
      for (const method of ["_write", "_writev"] as const) {
        const write: unknown = Reflect.get(stream, method);
        if (typeof write !== "function") throw new Error(`the socket has no ${method}`);
        Reflect.set(stream, method, (...values: unknown[]) => {
          writes += 1;
          return Reflect.apply(write, stream, values);
        });
      }
      return connection;
    },
  });
  const messages = testMessages(500);
  writes = 0;

  await Promise.all(messages.map((message) => publisher.publish(message, { timeoutMs })));

  // Each alone would be 500; the socket's buffer holds dozens.
  expect(writes).toBeLessThan(100);
  const received = await arrived.waitFor(messages.length);
  expect(received.map(({ properties }) => properties.messageId)).toEqual(messages.map(({ id }) => id));
});

describe("a confirmed message", () => {
  it("is in the queue with everything that was said about it", async () => {
    const exchange = await broker.createExchange();
    const arrived = await broker.collect(await broker.createQueue(exchange));
    await start(exchange, { appId: "shop" });
    const message = testMessage({
      correlationId: "checkout-7",
      headers: { traceparent: "00-1-2-01" },
      timestamp: new Date("2026-03-01T10:00:00.900Z"),
    });

    await publisher.publish(message, { timeoutMs });

    const [received] = await arrived.waitFor(1);
    expect(received?.content.toString()).toBe('{"total":12}');
    expect(received?.fields.routingKey).toBe("orders");
    expect(received?.properties).toMatchObject({
      messageId: message.id,
      type: "order.placed",
      contentType: "application/json",
      correlationId: "checkout-7",
      appId: "shop",
      deliveryMode: 2,
      timestamp: Date.parse("2026-03-01T10:00:00Z") / 1_000,
      headers: { traceparent: "00-1-2-01" },
    });
  });

  it("may have a body that is a view of a larger buffer, and one of many frames", async () => {
    const exchange = await broker.createExchange();
    const arrived = await broker.collect(await broker.createQueue(exchange));
    await start(exchange);
    const large = new Uint8Array(300_000).fill(7);

    await publisher.publish(testMessage({ body: new Uint8Array([1, 2, 3, 4]).subarray(1, 3) }), { timeoutMs });
    await publisher.publish(testMessage({ body: large }), { timeoutMs });

    const [view, frames] = await arrived.waitFor(2);
    expect([...(view?.content ?? [])]).toEqual([2, 3]);
    expect(Buffer.compare(frames?.content ?? Buffer.alloc(0), large)).toBe(0);
  });

  it("goes straight to a queue when the exchange is the default one", async () => {
    const queue = await broker.createQueue(await broker.createExchange());
    const arrived = await broker.collect(queue);
    await start("");

    await publisher.publish(testMessage({ topic: queue }), { timeoutMs });

    expect(await arrived.waitFor(1)).toHaveLength(1);
  });
});

describe("order", () => {
  it.each([
    ["when everything fits into the window", 4_000],
    ["when most messages have to wait for the window", 12],
  ])("of one key is the order of the calls %s", async (_title, maxUnconfirmed) => {
    const exchange = await broker.createExchange();
    const arrived = await broker.collect(await broker.createQueue(exchange));
    await start(exchange, { maxUnconfirmed });
    const messages = testMessages(2_000, (index) => ({ partitionKey: `key-${index % 20}` }));
    const keyOf = new Map(messages.map((message) => [message.id, message.partitionKey]));

    await Promise.all(messages.map((message) => publisher.publish(message, { timeoutMs })));

    const ids = (await arrived.waitFor(2_000)).map((received) => String(received.properties.messageId));
    for (let key = 0; key < 20; key += 1) {
      const sent = messages.filter((message) => message.partitionKey === `key-${key}`).map((message) => message.id);
      expect(ids.filter((id) => keyOf.get(id) === `key-${key}`)).toEqual(sent);
    }
  });
});

describe("a message that no queue wants", () => {
  it("is rejected as unroutable, while those beside it are confirmed", async () => {
    const exchange = await broker.createExchange();
    await broker.createQueue(exchange, { routingKey: "orders" });
    await start(exchange);
    const messages = testMessages(200, (index) => ({ topic: index % 2 === 0 ? "orders" : "nowhere" }));

    const results = await resultsOf(messages.map((message) => publisher.publish(message, { timeoutMs })));

    expect(publisher.capabilities.reportsUnroutable).toBe(true);
    expect(results).toEqual(messages.map(({ topic }) => (topic === "orders" ? "confirmed" : "BROKER.UNROUTABLE")));
  });

  it("is rejected each time when it is published twice at once", async () => {
    await start(await broker.createExchange());
    const message = testMessage();

    const results = await resultsOf([1, 2].map(() => publisher.publish(message, { timeoutMs })));

    expect(results).toEqual(["BROKER.UNROUTABLE", "BROKER.UNROUTABLE"]);
  });

  it("is refused in a retryable way if so configured, and its rejection says where it was to go", async () => {
    const exchange = await broker.createExchange();
    await start(exchange, { unroutable: "retry" });
    const message = testMessage();

    const publication = publisher.publish(message, { timeoutMs });

    await expect(publication).rejects.toMatchObject({
      code: "BROKER.NACKED",
      message: expect.stringMatching(new RegExp(`${message.id}.*"${exchange}".*"orders"`)),
      meta: { messageId: message.id, topic: "orders", replyCode: 312, mayHaveArrived: false },
    });
    expect(publisher.capabilities.reportsUnroutable).toBe(false);
  });
});

describe("a message that the broker refuses", () => {
  it("is rejected as nacked, and the next ones are not affected", async () => {
    const exchange = await broker.createExchange();
    await broker.createQueue(exchange, { routingKey: "orders" });
    const full = { "x-queue-type": "classic", "x-max-length": 1, "x-overflow": "reject-publish" };
    await broker.createQueue(exchange, { routingKey: "full", arguments: full });
    await start(exchange);
    await publisher.publish(testMessage({ topic: "full" }), { timeoutMs });

    const topics = ["orders", "full", "orders"];
    const results = await resultsOf(topics.map((topic) => publisher.publish(testMessage({ topic }), { timeoutMs })));

    expect(results).toEqual(["confirmed", "BROKER.NACKED", "confirmed"]);
  });
});

describe("an exchange that is deleted under a live connection", () => {
  const lost = ["BROKER.CONNECTION_LOST", "BROKER.UNREACHABLE"];

  it("is an outage: it costs no message an attempt, health says what is missing, and it ends when the exchange is back", async () => {
    const exchange = await broker.createExchange();
    const logger = createRecordingLogger();
    await start(exchange, { channels: 2, logger, reconnectBaseMs: 20, reconnectMaxMs: 100 });
    await broker.channel.deleteExchange(exchange);

    const messages = testMessages(10, (index) => ({ partitionKey: `key-${index}` }));
    const results = await resultsOf(messages.map((message) => publisher.publish(message, { timeoutMs })));

    for (const result of results) expect(lost).toContain(result);
    await logger.waitFor(/RabbitMQ lacks what is needed/);
    const { status, reasons } = publisher.health();
    expect([status, reasons.join()]).toEqual(["unhealthy", expect.stringContaining(exchange)]);
    expect(await resultOf(publisher.publish(testMessage(), { timeoutMs }))).toBe("BROKER.UNREACHABLE");
    await broker.channel.assertExchange(exchange, "topic", { durable: true });
    const arrived = await broker.collect(await broker.createQueue(exchange));
    await logger.waitFor(/connected to RabbitMQ again/);
    for (const message of messages) await publisher.publish(message, { timeoutMs });
    expect((await arrived.waitForIds(messages.map(({ id }) => id))).length).toBe(10);
    expect(publisher.health().status).toBe("healthy");
    const [first] = logger.lines.filter(({ message }) => /was lost/.test(message));
    expect(first?.fields).toMatchObject({ error: { message: `the exchange "${exchange}" is gone` } });
  });

  it("is made again, with its queues, by a publisher that asserts them", async () => {
    const exchange = broker.newName("exchange");
    const queue = broker.newName("queue");
    const assert = defineTopology({
      exchanges: [{ name: exchange, type: "topic" }],
      queues: [{ name: queue }],
      bindings: [{ exchange, queue, routingKey: "#" }],
    });
    const logger = createRecordingLogger();
    await start(exchange, { topology: { assert }, logger, reconnectBaseMs: 20, reconnectMaxMs: 100 });
    await publisher.publish(testMessage(), { timeoutMs });
    await broker.channel.deleteExchange(exchange);
    const message = testMessage();
    expect(lost).toContain(await resultOf(publisher.publish(message, { timeoutMs })));
    // Waits for the next connection.
    expect(await resultOf(publisher.publish(message, { timeoutMs }))).toBe("confirmed");
    await (await broker.collect(queue)).waitForIds([message.id]);
    expect([connections, publisher.health().status]).toEqual([2, "healthy"]);
    expect(logger.messages("warn", "error")).toEqual(["the connection to RabbitMQ was lost; connecting again"]);
  });
});

describe("a message that AMQP cannot carry", () => {
  it.each([
    ["a type of 256 bytes", { type: "é".repeat(128) }],
    ["a topic of 256 bytes", { topic: "t".repeat(256) }],
    ["a correlation id of 300 bytes", { correlationId: "c".repeat(300) }],
    ["a header's name of 256 bytes", { headers: { ["n".repeat(256)]: "v" } }],
    ["headers of 100 kB", { headers: { large: "v".repeat(100_000) } }],
    ["a header that RabbitMQ reserves", { headers: { CC: "elsewhere" } }],
    ["a time before 1970", { timestamp: new Date(-1) }],
  ])("is refused before anything is written: %s", async (_title, changes) => {
    const exchange = await broker.createExchange();
    await broker.createQueue(exchange);
    await start(exchange);

    const publications = [{}, changes, {}].map((change) => publisher.publish(testMessage(change), { timeoutMs }));

    expect(await resultsOf(publications)).toEqual(["confirmed", "BROKER.MESSAGE_REFUSED", "confirmed"]);
    expect(connections).toBe(1);
  });

  it("because its headers do not fit into the negotiated frame does not cost the connection", async () => {
    const exchange = await broker.createExchange();
    await broker.createQueue(exchange);
    await start(exchange, {}, `${amqpUrl}&frameMax=8192`);
    const headers = { large: "v".repeat(8_192) };

    const publications = [{}, { headers }, {}].map((change) => publisher.publish(testMessage(change), { timeoutMs }));

    expect(await resultsOf(publications)).toEqual(["confirmed", "BROKER.MESSAGE_REFUSED", "confirmed"]);
    expect(connections).toBe(1);
  });
});

describe("mayWrite", () => {
  it("keeps a message off the wire when it says no, also when it throws", async () => {
    const exchange = await broker.createExchange();
    const arrived = await broker.collect(await broker.createQueue(exchange));
    await start(exchange);
    const broken = new Error("no idea");
    const mayWrites = [
      () => true,
      () => false,
      () => {
        throw broken;
      },
      () => true,
    ];

    const results = await resultsOf(
      mayWrites.map((mayWrite) => publisher.publish(testMessage(), { timeoutMs, mayWrite })),
    );

    expect(results).toEqual(["confirmed", "BROKER.NOT_PERMITTED", broken, "confirmed"]);
    expect(await arrived.waitFor(2)).toHaveLength(2);
  });

  it("is asked only when the message's turn has come, and may publish itself", async () => {
    const exchange = await broker.createExchange();
    await broker.createQueue(exchange);
    await start(exchange, { channels: 1, maxUnconfirmed: 1 });
    const asked: string[] = [];
    const nested: Promise<void>[] = [];
    const publish = (name: string, also = () => {}) =>
      publisher.publish(testMessage(), {
        timeoutMs,
        mayWrite: () => {
          also();
          return asked.push(name) > 0;
        },
      });

    const first = publish("first", () => nested.push(publish("nested")));
    const second = publish("second");

    expect(asked).toEqual(["first"]);
    await Promise.all([first, second, ...nested]);
    expect(asked).toEqual(["first", "nested", "second"]);
  });

  it("is asked for the next message of a channel only after a rejection has reached the caller", async () => {
    const exchange = await broker.createExchange();
    await start(exchange, { channels: 1, maxUnconfirmed: 1 });
    let isStopped = false;
    const first = publisher.publish(testMessage(), { timeoutMs }).catch(async () => {
      await Promise.resolve();
      isStopped = true;
    });
    const second = publisher.publish(testMessage(), { timeoutMs, mayWrite: () => !isStopped });

    expect(await resultOf(second)).toBe("BROKER.NOT_PERMITTED");
    await first;
  });

  it("is not asked earlier because the caller publishes something else in answer to the rejection", async () => {
    const exchange = await broker.createExchange();
    await start(exchange, { channels: 1, maxUnconfirmed: 1 });
    let isStopped = false;
    const first = publisher.publish(testMessage(), { timeoutMs }).catch(async () => {
      const third = resultOf(publisher.publish(testMessage(), { timeoutMs }));
      await Promise.resolve();
      isStopped = true;
      return third;
    });
    const second = publisher.publish(testMessage(), { timeoutMs, mayWrite: () => !isStopped });

    expect(await resultOf(second)).toBe("BROKER.NOT_PERMITTED");
    expect(await first).toBe("BROKER.UNROUTABLE");
  });

  it("is asked only after a rejection also when what was rejected had not been written", async () => {
    const exchange = await broker.createExchange();
    await broker.createQueue(exchange);
    publisher = createRabbitMqPublisher({ connect: () => amqp.connect(amqpUrl), exchange, logger: silentLogger });
    const starting = publisher.start();
    let isStopped = false;
    const first = publisher.publish(testMessage(), { timeoutMs, mayWrite: () => false }).catch(async () => {
      await Promise.resolve();
      isStopped = true;
    });
    const second = resultOf(publisher.publish(testMessage(), { timeoutMs, mayWrite: () => !isStopped }));

    await Promise.all([starting, first]);
    expect(await second).toBe("BROKER.NOT_PERMITTED");
  });

  it("is not asked after the message's own time, and the message is not written, when the process was paused", async () => {
    const exchange = await broker.createExchange();
    const arrived = await broker.collect(await broker.createQueue(exchange));
    let pausedMs = 0;
    const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + pausedMs };
    publisher = createRabbitMqPublisher({
      connect: () => amqp.connect(amqpUrl),
      exchange,
      logger: silentLogger,
      clock,
    });
    const starting = publisher.start();
    const asked: string[] = [];
    const [paused, late, next] = [testMessage(), testMessage(), testMessage()];
    const publish = (message: typeof paused, options: { timeoutMs: number }, also = () => {}) =>
      publisher.publish(message, {
        ...options,
        mayWrite: () => {
          also();
          return asked.push(message.id) > 0;
        },
      });

    const results = resultsOf([
      publish(paused, { timeoutMs: 60_000 }, () => {
        pausedMs = 10_000;
      }),
      publish(late, { timeoutMs }),
      publish(next, { timeoutMs: 60_000 }),
    ]);

    await starting;
    expect(await results).toEqual(["confirmed", "BROKER.BLOCKED", "confirmed"]);
    expect(asked).toEqual([paused.id, next.id]);
    expect(await arrived.waitForIds([paused.id, next.id])).toEqual([paused.id, next.id]);
  });
});

describe("starting and stopping", () => {
  it("refuses messages before the start and after the stop, and can be started again", async () => {
    const exchange = await broker.createExchange();
    await broker.createQueue(exchange);
    publisher = createRabbitMqPublisher({ connect: () => amqp.connect(amqpUrl), exchange, logger: silentLogger });
    const publish = () => resultOf(publisher.publish(testMessage(), { timeoutMs }));

    expect(await publish()).toBe("BROKER.STOPPED");
    expect(publisher.health().status).toBe("unhealthy");
    await Promise.all([publisher.start(), publisher.start()]);
    expect(await publish()).toBe("confirmed");
    expect(publisher.health()).toEqual({ status: "healthy", reasons: [], unconfirmed: 0 });
    await Promise.all([publisher.stop({ timeoutMs }), publisher.stop({ timeoutMs })]);
    expect(await publish()).toBe("BROKER.STOPPED");
    await publisher.start();
    expect(await publish()).toBe("confirmed");
  });

  it("stops only when what was handed over is confirmed", async () => {
    const exchange = await broker.createExchange();
    await broker.createQueue(exchange);
    await start(exchange, { maxUnconfirmed: 100 });
    const results = resultsOf(testMessages(1_000).map((message) => publisher.publish(message, { timeoutMs })));

    await publisher.stop({ timeoutMs });

    expect(new Set(await results)).toEqual(new Set(["confirmed"]));
  });

  it("takes a message while it is still connecting", async () => {
    const exchange = await broker.createExchange();
    await broker.createQueue(exchange);
    publisher = createRabbitMqPublisher({ connect: () => amqp.connect(amqpUrl), exchange, logger: silentLogger });
    const starting = publisher.start();

    const result = resultOf(publisher.publish(testMessage(), { timeoutMs }));

    expect(publisher.health().status).toBe("degraded");
    await starting;
    expect(await result).toBe("confirmed");
  });

  it("refuses a time-out that is not a number, which could never end", async () => {
    await start(await broker.createExchange());

    const publication = publisher.publish(testMessage(), { timeoutMs: Number.NaN });

    expect(await resultOf(publication)).toBe("CONFIG.INVALID_OPTIONS");
  });
});
