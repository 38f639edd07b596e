import { randomUUID } from "node:crypto";
import { once } from "node:events";
import type { EventConsumer } from "@omni-box/core";
import amqp, { type Channel, type ChannelModel, type ConfirmChannel } from "amqplib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createRabbitMqConsumer, type RabbitMqConsumerOptions } from "../src/index.js";
import { recordDeliveries } from "./consumed.js";
import { nestedTable, publishRaw } from "./hostile-message.js";
import { createRecordingLogger, type RecordingLogger } from "./recording-logger.js";
import { amqpUrl, openTestBroker, type TestBroker } from "./test-broker.js";

const timeoutMs = 5_000;
let broker: TestBroker;
let connection: ChannelModel;
let sender: ConfirmChannel;
let queue: string;
let dead: string;
let logger: RecordingLogger;
let consumers: EventConsumer[];
/** The channels that consumers have opened, latest last. */
let channels: Channel[];

beforeEach(async () => {
  broker = await openTestBroker();
  connection = await amqp.connect(amqpUrl);
  sender = await connection.createConfirmChannel();
  queue = broker.newName("queue");
  dead = `${queue}.dead`;
  logger = createRecordingLogger();
  consumers = [];
  channels = [];
});
afterEach(async () => {
  await Promise.all(consumers.map((consumer) => consumer.stop({ timeoutMs: 0 })));
  await connection.close();
  await broker.channel.deleteQueue(dead);
  await broker.channel.deleteExchange(dead);
  await broker.close();
});

function create(options: Partial<RabbitMqConsumerOptions> = {}): EventConsumer {
  const consumer = createRabbitMqConsumer({
    connect,
    queue,
    logger,
    reconnectBaseMs: 20,
    reconnectMaxMs: 200,
    ...options,
  });
  consumers.push(consumer);
  return consumer;
}

/** A connection whose channels the tests can misuse. */
async function connect(): Promise<ChannelModel> {
  const model = await amqp.connect(amqpUrl);
  const createChannel = model.createChannel.bind(model);
  model.createChannel = async () => {
    const channel = await createChannel();
    channels.push(channel);
    return channel;
  };
  return model;
}

async function send(count: number, options: amqp.Options.Publish = {}): Promise<string[]> {
  const ids = Array.from({ length: count }, () => randomUUID());
  for (const messageId of ids)
    sender.sendToQueue(queue, Buffer.from("{}"), { messageId, persistent: true, ...options });
  await sender.waitForConfirms();
  return ids;
}

const ready = async (name = queue) => (await broker.channel.checkQueue(name)).messageCount;

describe("what a consumer declares", () => {
  it("is its queue, the bindings, and where dead letters go; a missing exchange is made as a topic exchange", async () => {
    const exchange = broker.newName("exchange");
    const { listener, waitFor } = recordDeliveries(({ handle }) => handle.deadLetter());
    await create({ bindings: [{ exchange, routingKey: "orders.#" }] }).start(listener);
    const deadLetters = await broker.collect(dead);

    sender.publish(exchange, "payments", Buffer.from("not ours"));
    sender.publish(exchange, "orders.eu", Buffer.from("{}"), { messageId: "m1", persistent: true });

    const [first] = await waitFor(1);
    expect(first?.message).toMatchObject({ messageId: "m1", topic: "orders.eu", source: queue, deliveryCount: 0 });
    const [letter] = await deadLetters.waitFor(1);
    expect(letter?.properties.messageId).toBe("m1");
  });

  it("leaves an exchange as it is that others declared with another type", async () => {
    const exchange = broker.newName("exchange");
    await broker.channel.assertExchange(exchange, "direct");
    const { listener, waitFor } = recordDeliveries();
    await create({ bindings: [{ exchange, routingKey: "orders" }] }).start(listener);

    sender.publish(exchange, "orders", Buffer.from("{}"));

    expect(await waitFor(1)).toHaveLength(1);
  });

  it.each(["reject-publish", "drop-head"])("may have a length limit with the overflow %s", async (overflow) => {
    const consumer = create({ queueArguments: { "x-max-length": 2, "x-overflow": overflow } });
    await consumer.start(() => undefined);
    await consumer.stop({ timeoutMs: 0 });

    const send = (messageId: string) =>
      new Promise<"confirmed" | "nacked">((resolve) => {
        const told = (error: unknown) => resolve(error ? "nacked" : "confirmed");
        sender.sendToQueue(queue, Buffer.from("{}"), { messageId, persistent: true }, told);
      });
    const answers: string[] = [];
    for (let number = 0; number < 10; number += 1) answers.push(await send(`m${number}`));

    if (overflow === "reject-publish") expect(answers).toContain("nacked");
    else {
      expect(answers).not.toContain("nacked");
      await expect.poll(() => ready(dead)).toBe(8);
    }
  });

  it("that exists otherwise fails the start with advice, and the start can be repeated", async () => {
    await broker.channel.assertQueue(queue, { durable: true, arguments: { "x-queue-type": "classic" } });
    const consumer = create();

    await expect(consumer.start(() => undefined)).rejects.toMatchObject({
      code: "CONFIG.TOPOLOGY_MISMATCH",
      message: expect.stringMatching(/inequivalent arg.*delete it and let it be created anew/),
    });
    await broker.channel.deleteQueue(queue);
    await consumer.start(() => undefined);

    expect(consumer.health().status).toBe("healthy");
  });

  it("can be left to others; then everything that is named is looked for", async () => {
    const names = { exchange: `${queue}.x`, queue: `${queue}.y` };
    const starting = create({ declare: "check", bindings: [{ exchange: `${queue}.z` }], deadLetter: names }).start(
      () => {},
    );

    await expect(starting).rejects.toMatchObject({
      code: "CONFIG.TOPOLOGY_MISMATCH",
      meta: { problems: [".x", ".z", "", ".y"].map((end) => expect.stringContaining(`"${queue}${end}": NOT_FOUND`)) },
    });
  });

  it("may be in exclusive use by another, which is a mismatch too", async () => {
    await create({ queueType: "classic" }).start(() => undefined);
    await consumers[0]?.stop({ timeoutMs });
    await broker.channel.consume(queue, () => undefined, { exclusive: true });

    await expect(create({ queueType: "classic" }).start(() => undefined)).rejects.toMatchObject({
      code: "CONFIG.TOPOLOGY_MISMATCH",
      meta: { problems: [expect.stringMatching(/subscription to queue .*ACCESS_REFUSED/)] },
    });
  });

  it("with a delivery limit dead-letters what comes back too often, and counts until then", async () => {
    const { listener, delivered } = recordDeliveries(({ handle }) => handle.requeue());
    await create({ deliveryLimit: 2 }).start(listener);
    const deadLetters = await broker.collect(dead);
    const [id] = await send(1);

    const [letter] = await deadLetters.waitFor(1);

    expect(letter?.properties.messageId).toBe(id);
    expect(delivered.map(({ message }) => message.deliveryCount)).toEqual([0, 1, 2]);
  });
});

describe("a hostile message", () => {
  it("may have headers of every AMQP type", async () => {
    const { listener, waitFor } = recordDeliveries();
    await create().start(listener);
    const headers = {
      text: "a",
      byte: 5,
      long: 2 ** 40,
      tooLong: { "!": "long", value: 2n ** 60n },
      double: 0.1,
      yes: true,
      nothing: null,
      bytes: Buffer.from("ä"),
      binary: Buffer.from([0xff]),
      time: { "!": "timestamp", value: 1_700_000_000 },
      absurd: { "!": "timestamp", value: 2n ** 63n },
      decimal: { "!": "decimal", value: { digits: 12_345, places: 2 } },
      list: ["a", 1, ["b"]],
      table: { a: { b: "c" }, __proto__: null },
      "x-delivery-count": 77,
      constructor: "c",
    };

    await send(1, { headers, timestamp: 2 ** 50, contentType: "\u0000", type: "" });

    const [first] = await waitFor(1);
    expect(first?.message).toMatchObject({
      deliveryCount: 0,
      timestamp: null,
      contentType: "\u0000",
      type: "",
      headers: {
        text: "a",
        byte: "5",
        long: "1099511627776",
        double: "0.1",
        yes: "true",
        bytes: "ä",
        time: "2023-11-14T22:13:20.000Z",
        decimal: "123.45",
        "x-delivery-count": "77",
        constructor: "c",
      },
    });
    expect(first?.message.headers).not.toHaveProperty("list");
    expect(Object.keys(first?.message.headers ?? {})).toHaveLength(10);
  });

  it("whose headers are nested too deep to be decoded arrives without them and ends nothing", async () => {
    const { listener, waitFor } = recordDeliveries(({ handle }) => handle.ack());
    const consumer = create();
    await consumer.start(listener);

    await publishRaw(sender, queue, "deep", nestedTable(15_000));
    const [sound] = await send(1, { headers: { a: "1" } });

    const delivered = await waitFor(2);
    expect(delivered.map(({ message }) => [message.messageId, message.headers])).toEqual([
      ["deep", {}],
      [sound, { a: "1" }],
    ]);
    expect(delivered[0]?.message.body).toEqual(Buffer.from("{}"));
    expect(logger.messages("warn", "error")).toEqual([]);
    await consumer.stop({ timeoutMs });
    expect(await ready()).toBe(0);
  });
});

describe("a subscription that ends", () => {
  it("with the queue is made anew with it, is said once, and what was in hand is lost in that turn", async () => {
    const { listener, waitFor } = recordDeliveries();
    const consumer = create();
    await consumer.start(listener);
    await send(2);
    const inHand = [...(await waitFor(2))];
    const lost = inHand.map(({ handle }) => once(handle.lost, "abort"));

    await broker.channel.deleteQueue(queue);
    await Promise.all(lost);
    expect(consumer.health().unsettled).toBe(0);
    for (const { handle } of inHand) handle.ack();
    await logger.waitFor(/connected to RabbitMQ again/);

    const [id] = await send(1);
    expect((await waitFor(3)).at(-1)?.message.messageId).toBe(id);
    expect(logger.lines.filter(({ level }) => level === "warn")).toMatchObject([
      { fields: { error: { message: expect.stringMatching(/ended the subscription to queue/) } } },
    ]);
  });

  it("with a channel that RabbitMQ closed over an error is made anew; what was in hand comes again", async () => {
    const { listener, waitFor } = recordDeliveries();
    await create().start(listener);
    const ids = await send(3);
    const before = [...(await waitFor(3))];

    // An acknowledgement of nothing, as a bug here would send it.
    channels.at(-1)?.ack({ fields: { deliveryTag: 99 } } as never);
    await logger.waitFor(/was lost/);
    for (const { handle } of before) expect(handle.lost.aborted).toBe(true);

    const after = (await waitFor(6)).slice(3);
    expect(after.map(({ message }) => message.messageId)).toEqual(ids);
    expect(after.every(({ message }) => message.redelivered && message.deliveryCount === 1)).toBe(true);
  });

  it("because others deleted the queue is looked for until it is back, and health says why", async () => {
    await broker.channel.assertQueue(queue, { durable: true, arguments: { "x-queue-type": "quorum" } });
    const { listener, waitFor } = recordDeliveries();
    const consumer = create({ declare: "check" });
    await consumer.start(listener);

    await broker.channel.deleteQueue(queue);
    await logger.waitFor(/lacks what is needed/);
    await logger.waitFor(/still not usable/, 2);

    expect(consumer.health()).toMatchObject({ status: "unhealthy", reasons: [expect.stringMatching(/NOT_FOUND/)] });
    await broker.channel.assertQueue(queue, { durable: true, arguments: { "x-queue-type": "quorum" } });
    await logger.waitFor(/connected to RabbitMQ again/);
    await send(1);
    await waitFor(1);
    expect(logger.messages("warn", "error")).toEqual([
      "the connection to RabbitMQ was lost; connecting again",
      "RabbitMQ lacks what is needed; looking again",
    ]);
  });
});

describe("stopping", () => {
  it("waits until the queue knows of hundreds of acks that were given in one turn before it", async () => {
    const { listener, waitFor, delivered } = recordDeliveries();
    const consumer = create({ prefetch: 1_000 });
    const rounds = 6;
    for (let round = 0; round < rounds; round += 1) {
      await consumer.start(listener);
      await send(1_000);
      const [first, ...others] = (await waitFor((round + 1) * 1_000)).slice(round * 1_000);
      await consumer.pause();
      // The first one last, so that none of the others can be told together.
      for (const { handle } of others) handle.ack();
      first?.handle.ack();
      await consumer.stop({ timeoutMs });
    }

    // An ack that was forgotten would have come again in the next round.
    expect(delivered.length).toBe(rounds * 1_000);
    expect(delivered.filter(({ message }) => message.redelivered).length).toBe(0);
  });

  it("does not mark what was never delivered as delivered before", async () => {
    const { listener, waitFor } = recordDeliveries(({ handle }) => handle.ack());
    const consumer = create({ prefetch: 1 });
    await consumer.start(listener);
    await send(1);
    await waitFor(1);
    await consumer.pause();
    await send(20);
    await consumer.stop({ timeoutMs });

    const arrived = await broker.collect(queue);

    expect((await arrived.waitFor(20)).filter(({ fields }) => fields.redelivered)).toEqual([]);
  });
});

describe("a single active consumer", () => {
  it("that stops hands over only when everything in its hands is settled", async () => {
    const first = recordDeliveries();
    const second = recordDeliveries();
    await create({ singleActiveConsumer: true, prefetch: 3 }).start(first.listener);
    await create({ singleActiveConsumer: true, prefetch: 3 }).start(second.listener);
    const ids = await send(10);
    const inHand = [...(await first.waitFor(3))];

    const stopping = consumers[0]?.stop({ timeoutMs });
    for (const { handle } of inHand) {
      await send(1);
      expect(second.delivered).toEqual([]);
      handle.ack();
    }
    await stopping;

    const taken = await second.waitFor(3);
    expect(taken.map(({ message }) => message.messageId)).toEqual(ids.slice(3, 6));
    expect(first.delivered).toHaveLength(3);
  });

  it("that is cut off is followed by another, which gets everything that was in hand", async () => {
    const first = recordDeliveries();
    const second = recordDeliveries(({ handle }) => handle.ack());
    await create({ singleActiveConsumer: true }).start(first.listener);
    const model = channels.at(-1)?.connection;
    await create({ singleActiveConsumer: true }).start(second.listener);
    const ids = await send(5);
    await first.waitFor(5);

    Reflect.get(Object(model), "stream").destroy(new Error("cut by the test"));

    await second.waitForIds(ids);
    expect(second.delivered.map(({ message }) => message.messageId)).toEqual(ids);
  });
});

it("logs a listener that throws, and keeps its message in hand", async () => {
  const { listener, waitFor } = recordDeliveries(({ message }) => {
    if (message.type === "bad") throw new Error("a bug");
  });
  const consumer = create();
  await consumer.start(listener);
  await send(1, { type: "bad" });
  await send(1);

  await waitFor(2);

  expect(logger.messages("error")).toEqual(["a delivery listener threw; its message stays in hand"]);
  expect(consumer.health()).toMatchObject({ status: "healthy", unsettled: 2 });
});
