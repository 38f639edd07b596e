import { randomUUID } from "node:crypto";
import { once } from "node:events";
import type { EventConsumer } from "@omni-box/core";
import amqp, { type ChannelModel, type ConfirmChannel } from "amqplib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createRabbitMqConsumer, type RabbitMqConsumerOptions } from "../src/index.js";
import { recordDeliveries } from "./consumed.js";
import { createRecordingLogger, type RecordingLogger } from "./recording-logger.js";
import { startTcpProxy, type TcpProxy } from "./tcp-proxy.js";
import { amqpUrl, openTestBroker, type TestBroker, withHeartbeat } from "./test-broker.js";

const timeoutMs = 5_000;
let broker: TestBroker;
let connection: ChannelModel;
let sender: ConfirmChannel;
let proxy: TcpProxy;
let queue: string;
let consumer: EventConsumer;
let logger: RecordingLogger;

beforeEach(async () => {
  broker = await openTestBroker();
  connection = await amqp.connect(amqpUrl);
  sender = await connection.createConfirmChannel();
  const { hostname, port } = new URL(amqpUrl);
  proxy = await startTcpProxy({ host: hostname, port: Number(port || 5672) });
  queue = broker.newName("queue");
  logger = createRecordingLogger();
});
afterEach(async () => {
  await consumer.stop({ timeoutMs: 0 });
  await proxy.close();
  await connection.close();
  await broker.close();
});

function create(options: Partial<RabbitMqConsumerOptions> = {}, heartbeat = "3"): EventConsumer {
  const url = new URL(withHeartbeat(amqpUrl, proxy.port));
  url.searchParams.set("heartbeat", heartbeat);
  consumer = createRabbitMqConsumer({
    connect: () => amqp.connect(url.href),
    queue,
    deadLetter: false,
    logger,
    reconnectBaseMs: 20,
    reconnectMaxMs: 100,
    ...options,
  });
  return consumer;
}

async function send(count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => randomUUID());
  for (const messageId of ids) sender.sendToQueue(queue, Buffer.from("{}"), { messageId, persistent: true });
  await sender.waitForConfirms();
  return ids;
}

describe("a connection that is cut again and again", () => {
  it("costs no message and settles none twice, however the acks were on their way", async () => {
    const settled = new Map<string, number>();
    const { listener, waitForIds } = recordDeliveries(({ message, handle }) => {
      setTimeout(() => {
        if (handle.lost.aborted) return;
        handle.ack();
        handle.requeue();
        const id = String(message.messageId);
        settled.set(id, (settled.get(id) ?? 0) + 1);
      }, Math.random() * 10);
    });
    await create({ prefetch: 50 }).start(listener);
    const ids = await send(3_000);

    for (let cut = 1; cut <= 5; cut += 1) {
      const before = settled.size;
      while (settled.size < Math.min(before + 200, ids.length)) await new Promise((resolve) => setImmediate(resolve));
      proxy.cut();
      await logger.waitFor(/connected to RabbitMQ again/, cut);
    }
    await waitForIds(ids);
    await consumer.stop({ timeoutMs });

    expect(settled.size).toBe(ids.length);
    expect((await broker.channel.checkQueue(queue)).messageCount).toBe(0);
    // What RabbitMQ would say to a tag that it does not know.
    expect(JSON.stringify(logger.lines)).not.toMatch(/PRECONDITION/);
  });

  it("loses what is in hand in the turn in which it is noticed, also what was acked and not told", async () => {
    const { listener, waitFor } = recordDeliveries();
    await create({ prefetch: 100 }).start(listener);
    await send(100);
    const before = [...(await waitFor(100))];
    before[0]?.handle.ack();
    let unsettled = -1;
    before[1]?.handle.lost.addEventListener("abort", () => {
      for (const { handle } of before) handle.ack();
      unsettled = consumer.health().unsettled;
    });

    proxy.cut();
    await waitFor(200);
    // The first deliveries of a subscription arrive together with RabbitMQ's answer to it.
    await logger.waitFor(/connected to RabbitMQ again/);

    expect(unsettled).toBe(0);
    expect(consumer.health()).toMatchObject({ status: "healthy", unsettled: 100 });
  });
});

describe("a black hole", () => {
  it("is noticed by the heartbeat; what was in hand is lost and comes again", async () => {
    const { listener, waitFor } = recordDeliveries();
    await create({}, "1").start(listener);
    await send(2);
    const [first] = await waitFor(2);

    proxy.setMode("black-hole");
    await once(first?.handle.lost as AbortSignal, "abort");
    proxy.setMode("pass");

    expect((await waitFor(4)).slice(2).every(({ message }) => message.redelivered)).toBe(true);
  });

  it("does not hold up a pause or a stop", async () => {
    const { listener, waitFor, delivered } = recordDeliveries();
    await create().start(listener);
    await send(2);
    await waitFor(2);
    proxy.setMode("black-hole");
    const startedMs = performance.now();

    await consumer.pause();
    await consumer.stop({ timeoutMs: 100 });

    expect(performance.now() - startedMs).toBeLessThan(2_500);
    expect(delivered.every(({ handle }) => handle.lost.aborted)).toBe(true);
  });

  it("at the start is an outage: the start resolves, and messages come when it is over", async () => {
    proxy.setMode("black-hole");
    const { listener, waitFor } = recordDeliveries();
    await create({ connectTimeoutMs: 200 }).start(listener);
    expect(consumer.health().status).toBe("unhealthy");

    proxy.setMode("pass");
    await logger.waitFor(/connected to RabbitMQ again/);
    await send(1);

    await waitFor(1);
    expect(logger.messages("warn", "error")).toEqual(["RabbitMQ cannot be reached; trying again"]);
  });
});

it("a consumer that stops while its connection is lost does not come back", async () => {
  const { listener, waitFor } = recordDeliveries();
  await create().start(listener);
  await send(1);
  await waitFor(1);
  proxy.cut();
  await logger.waitFor(/was lost/);
  const accepted = proxy.accepted;

  await consumer.stop({ timeoutMs });

  expect(proxy.accepted).toBeLessThanOrEqual(accepted + 1);
  expect(consumer.health()).toMatchObject({ status: "unhealthy", unsettled: 0 });
  // The broker notices the cut when it gets to it.
  await expect.poll(async () => (await broker.channel.checkQueue(queue)).consumerCount).toBe(0);
});

describe("the heartbeat", () => {
  const warnings = () => logger.lines.filter(({ message }) => message.includes("?heartbeat=10"));

  it("is missed in a warning when there is none, once, however often the connection is made", async () => {
    const { listener, waitFor } = recordDeliveries(({ handle }) => handle.ack());
    await create({}, "0").start(listener);
    proxy.cut();
    await logger.waitFor(/connected to RabbitMQ again/);
    await send(1);
    await waitFor(1);
    expect(warnings()).toMatchObject([{ level: "warn", fields: { heartbeatSeconds: 0 } }]);
  });

  it("of a few seconds is fine", async () => {
    await create({}, "10").start(() => undefined);
    expect(warnings()).toEqual([]);
  });
});
