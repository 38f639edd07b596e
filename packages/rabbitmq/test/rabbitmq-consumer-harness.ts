import { setTimeout as pause } from "node:timers/promises";
import type { ConsumerFeature, ConsumerHarness, RawMessage } from "@omni-box/conformance";
import type { EventConsumer } from "@omni-box/core";
import amqp, { type ConfirmChannel } from "amqplib";
import { assertTopology, createRabbitMqConsumer, defineTopology } from "../src/index.js";
import { createRecordingLogger } from "./recording-logger.js";
import { startTcpProxy } from "./tcp-proxy.js";
import { amqpUrl, openTestBroker, withHeartbeat } from "./test-broker.js";

/** Everything that the kit can ask of a consumer. */
export const rabbitMqConsumerFeatures: readonly ConsumerFeature[] = [
  "deliveryCount",
  "deadLetters",
  "connectionLoss",
  "queueDeletion",
  "typedHeaders",
];

/** Consumers of one quorum queue, behind a TCP proxy that can break. The queue is the harness's, so that it can be missing. */
export async function createRabbitMqConsumerHarness(): Promise<ConsumerHarness> {
  const broker = await openTestBroker();
  const { hostname, port } = new URL(amqpUrl);
  const proxy = await startTcpProxy({ host: hostname, port: Number(port || 5672) });
  const connection = await amqp.connect(amqpUrl);
  const channel = await connection.createConfirmChannel();
  const [source, deadQueue] = [broker.newName("queue"), broker.newName("queue")];
  const [exchange, dead] = [broker.newName("exchange"), broker.newName("exchange")];
  const topology = defineTopology({
    exchanges: [{ name: exchange }, { name: dead, type: "fanout" }],
    queues: [{ name: source, deadLetterExchange: dead }, { name: deadQueue }],
    bindings: [
      { exchange, queue: source },
      { exchange: dead, queue: deadQueue },
    ],
  });
  await assertTopology(connection, topology);
  const deadLetters = await broker.collect(deadQueue);
  const consumers: EventConsumer[] = [];
  const logger = createRecordingLogger();

  return {
    source,
    createConsumer({ prefetch }) {
      const consumer = createRabbitMqConsumer({
        connect: () => amqp.connect(withHeartbeat(amqpUrl, proxy.port)),
        queue: source,
        declare: "check",
        deadLetter: { exchange: dead, queue: deadQueue },
        prefetch,
        logger,
        reconnectBaseMs: 20,
        reconnectMaxMs: 200,
      });
      consumers.push(consumer);
      return consumer;
    },
    async publish(messages) {
      for (const message of messages) publish(channel, exchange, message);
      await channel.waitForConfirms();
    },
    async countReady() {
      return (await broker.channel.checkQueue(source)).messageCount;
    },
    async deadLettered() {
      return deadLetters.messages.map(({ properties }) => properties.messageId ?? null);
    },
    async cutConnection() {
      proxy.setMode("reset");
      proxy.cut();
      await untilUnused();
    },
    async restoreConnection() {
      proxy.setMode("pass");
    },
    async deleteQueue() {
      await broker.channel.deleteQueue(source);
    },
    async restoreQueue() {
      await assertTopology(connection, topology);
    },
    async close() {
      await Promise.all(consumers.map((consumer) => consumer.stop({ timeoutMs: 0 })));
      await proxy.close();
      await connection.close();
      await broker.close();
    },
  };

  /** RabbitMQ gives no sign of a consumer's end, so this has to be polled. */
  async function untilUnused(): Promise<void> {
    for (;;) {
      const { consumerCount } = await broker.channel.checkQueue(source);
      if (consumerCount === 0) return;
      await pause(10);
    }
  }
}

function publish(channel: ConfirmChannel, exchange: string, message: RawMessage): void {
  const { messageId, topic, type, contentType, contentEncoding, correlationId, headers, timestamp, body } = message;
  channel.publish(exchange, topic, Buffer.from(body), {
    persistent: true,
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, asAmqp(value)])),
    ...(messageId === null ? {} : { messageId }),
    ...(type === null ? {} : { type }),
    ...(contentType === null ? {} : { contentType }),
    ...(contentEncoding === null ? {} : { contentEncoding }),
    ...(correlationId === null ? {} : { correlationId }),
    ...(timestamp === null ? {} : { timestamp: timestamp.getTime() / 1_000 }),
  });
}

/** amqplib takes a time in a header only in this form. */
function asAmqp(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asAmqp);
  return value instanceof Date ? { "!": "timestamp", value: Math.floor(value.getTime() / 1_000) } : value;
}
