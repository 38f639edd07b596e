import { silentLogger } from "@omni-box/core";
import amqp, { type ChannelModel } from "amqplib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { assertTopology, checkTopology, createRabbitMqPublisher, defineTopology } from "../src/index.js";
import { createRecordingLogger } from "./recording-logger.js";
import { startTcpProxy } from "./tcp-proxy.js";
import { amqpUrl, openTestBroker, type TestBroker, withHeartbeat } from "./test-broker.js";
import { resultOf, testMessage } from "./test-message.js";

const timeoutMs = 5_000;
let broker: TestBroker;
let connection: ChannelModel;

beforeEach(async () => {
  broker = await openTestBroker();
  connection = await amqp.connect(amqpUrl);
  connection.on("error", () => undefined);
});
afterEach(async () => {
  await connection.close().catch(() => undefined);
  await broker.close();
});

/** A topology of fresh names: an exchange, and a queue with a dead-letter exchange and queue. */
function shippingTopology() {
  const names = {
    events: broker.newName("exchange"),
    dead: broker.newName("exchange"),
    orders: broker.newName("queue"),
    deadOrders: broker.newName("queue"),
  };
  const topology = defineTopology({
    exchanges: [{ name: names.events }, { name: names.dead, type: "fanout" }],
    queues: [
      { name: names.orders, deadLetterExchange: names.dead, deliveryLimit: 1 },
      { name: names.deadOrders, type: "classic" },
    ],
    bindings: [
      { exchange: names.events, queue: names.orders, routingKey: "orders" },
      { exchange: names.dead, queue: names.deadOrders },
    ],
  });
  return { names, topology };
}

describe("asserting a topology", () => {
  it("creates what is missing, as often as it is called", async () => {
    const { names, topology } = shippingTopology();

    await assertTopology(connection, topology);
    await assertTopology(connection, topology);

    await checkTopology(connection, topology);
    const published = broker.channel.publish(names.events, "orders", Buffer.from("1"), { mandatory: true });
    expect(published).toBe(true);
    const arrived = await broker.collect(names.orders);
    await arrived.waitFor(1);
  });

  it("sends what is delivered too often to the dead-letter exchange", async () => {
    const { names, topology } = shippingTopology();
    await assertTopology(connection, topology);
    const dead = await broker.collect(names.deadOrders);
    await broker.channel.consume(names.orders, (message) => message !== null && broker.channel.nack(message));

    broker.channel.publish(names.events, "orders", Buffer.from("poison"));

    const [message] = await dead.waitFor(1);
    expect(message?.content.toString()).toBe("poison");
  });

  it("lists everything that the broker refuses", async () => {
    const { names, topology } = shippingTopology();
    await broker.channel.assertExchange(names.events, "direct");
    await broker.channel.assertQueue(names.orders, { durable: true, arguments: { "x-queue-type": "quorum" } });

    const asserting = assertTopology(connection, topology);

    await expect(asserting).rejects.toMatchObject({
      code: "CONFIG.TOPOLOGY_MISMATCH",
      meta: {
        problems: [
          expect.stringMatching(`exchange "${names.events}": PRECONDITION_FAILED`),
          expect.stringMatching(`queue "${names.orders}": PRECONDITION_FAILED`),
        ],
      },
    });
  });

  it("names an exchange type that the broker does not know, which costs the connection", async () => {
    const name = broker.newName("exchange");

    const asserting = assertTopology(connection, defineTopology({ exchanges: [{ name, type: "x-unheard-of" }] }));

    await expect(asserting).rejects.toMatchObject({
      code: "CONFIG.TOPOLOGY_MISMATCH",
      meta: { problems: [expect.stringMatching(`exchange "${name}": COMMAND_INVALID`)] },
    });
  });

  it("insists on a dead-letter exchange that it does not define", async () => {
    const [queue, dead] = [broker.newName("queue"), broker.newName("exchange")];
    const topology = defineTopology({ queues: [{ name: queue, deadLetterExchange: dead }] });

    await expect(assertTopology(connection, topology)).rejects.toMatchObject({
      meta: { problems: [expect.stringMatching(`exchange "${dead}": NOT_FOUND`)] },
    });
  });

  it("is not a mismatch but an outage when the connection goes", async () => {
    await connection.close();

    const asserting = assertTopology(connection, shippingTopology().topology);

    await expect(asserting).rejects.toMatchObject({ code: "BROKER.UNREACHABLE" });
  });
});

describe("checking a topology", () => {
  it("changes nothing and lists everything that is missing", async () => {
    const { names, topology } = shippingTopology();

    const checking = checkTopology(connection, topology);

    await expect(checking).rejects.toMatchObject({ code: "CONFIG.TOPOLOGY_MISMATCH" });
    await expect(checking).rejects.toMatchObject({
      meta: {
        problems: [names.events, names.dead, names.orders, names.deadOrders].map((name) =>
          expect.stringMatching(`"${name}": NOT_FOUND`),
        ),
      },
    });
  });
});

describe("a publisher's topology", () => {
  const connect = () => amqp.connect(amqpUrl);

  it("is created when it starts", async () => {
    const { names, topology } = shippingTopology();
    const publisher = createRabbitMqPublisher({
      connect,
      exchange: names.events,
      topology: { assert: topology },
      logger: silentLogger,
    });
    await publisher.start();

    expect(await resultOf(publisher.publish(testMessage(), { timeoutMs }))).toBe("confirmed");
    await publisher.stop({ timeoutMs });
  });

  it("that is missing fails the start, also of messages that were handed over before, and it may be started again", async () => {
    const { names, topology } = shippingTopology();
    const publisher = createRabbitMqPublisher({
      connect,
      exchange: names.events,
      topology: { check: topology },
      logger: silentLogger,
    });

    const starting = publisher.start();
    const early = resultOf(publisher.publish(testMessage(), { timeoutMs }));
    await expect(starting).rejects.toMatchObject({ code: "CONFIG.TOPOLOGY_MISMATCH" });
    expect(await early).toBe("BROKER.STOPPED");
    expect(publisher.health().status).toBe("unhealthy");

    await assertTopology(connection, topology);
    await publisher.start();
    expect(await resultOf(publisher.publish(testMessage(), { timeoutMs }))).toBe("confirmed");
    await publisher.stop({ timeoutMs });
  });

  it("of which the broker knows no exchange type fails the start too", async () => {
    const exchange = broker.newName("exchange");
    const publisher = createRabbitMqPublisher({
      connect,
      exchange,
      topology: { assert: { exchanges: [{ name: exchange, type: "x-unheard-of" }] } },
      logger: silentLogger,
    });

    await expect(publisher.start()).rejects.toMatchObject({ code: "CONFIG.TOPOLOGY_MISMATCH" });
  });

  it("needs at least the exchange", async () => {
    const exchange = broker.newName("exchange");
    const publisher = createRabbitMqPublisher({ connect, exchange, logger: silentLogger });

    await expect(publisher.start()).rejects.toMatchObject({
      meta: { problems: [expect.stringMatching(`exchange "${exchange}": NOT_FOUND`)] },
    });
  });

  it("that is found missing only by a late connection stops publishing until it is there", async () => {
    const { hostname, port } = new URL(amqpUrl);
    const proxy = await startTcpProxy({ host: hostname, port: Number(port || 5672) });
    proxy.setMode("reset");
    const exchange = broker.newName("exchange");
    const logger = createRecordingLogger();
    const publisher = createRabbitMqPublisher({
      connect: () => amqp.connect(withHeartbeat(amqpUrl, proxy.port)),
      exchange,
      logger,
      reconnectBaseMs: 20,
      reconnectMaxMs: 100,
    });
    await publisher.start();
    proxy.setMode("pass");
    await logger.waitFor(/lacks what is needed/);

    expect(await resultOf(publisher.publish(testMessage(), { timeoutMs }))).toBe("BROKER.UNREACHABLE");
    expect(publisher.health()).toMatchObject({
      status: "unhealthy",
      reasons: [expect.stringMatching(`exchange "${exchange}": NOT_FOUND`)],
    });
    await broker.channel.assertExchange(exchange, "topic");
    await broker.createQueue(exchange);
    await logger.waitFor(/connected to RabbitMQ again/);
    expect(await resultOf(publisher.publish(testMessage(), { timeoutMs }))).toBe("confirmed");
    await publisher.stop({ timeoutMs });
    await proxy.close();
  });
});
