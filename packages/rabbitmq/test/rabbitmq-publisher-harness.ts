import { randomUUID } from "node:crypto";
import type { PublisherFeature, PublisherHarness, ReceivedMessage } from "@omni-box/conformance";
import type { EventPublisher, OutgoingMessage } from "@omni-box/core";
import amqp, { type ConsumeMessage } from "amqplib";
import { createRabbitMqPublisher } from "../src/index.js";
import type { PrivateRabbitMq } from "./private-rabbitmq.js";
import { createRecordingLogger } from "./recording-logger.js";
import { startTcpProxy } from "./tcp-proxy.js";
import { type MessageCollector, openTestBroker, withHeartbeat } from "./test-broker.js";
import { testMessage } from "./test-message.js";

/** Everything that the kit can ask of a publisher. */
export const rabbitMqPublisherFeatures: readonly PublisherFeature[] = [
  "unroutable",
  "connectionLoss",
  "heldConfirms",
  "flowControl",
  "nack",
  "unsendable",
];

/** Publishers behind a TCP proxy that can break, on a broker that can be starved. */
export async function createRabbitMqPublisherHarness(node: PrivateRabbitMq): Promise<PublisherHarness> {
  const broker = await openTestBroker(withHeartbeat(node.url));
  const proxy = await startTcpProxy({ host: "127.0.0.1", port: Number(new URL(node.url).port) });
  const exchange = await broker.createExchange();
  const topics = new Map<string, MessageCollector>();
  const publishers: EventPublisher[] = [];
  const logger = createRecordingLogger();
  let blocks = 0;
  let isBlocked = false;

  async function unblock(): Promise<void> {
    isBlocked = false;
    await node.ctl("set_vm_memory_high_watermark", "0.4");
  }

  return {
    unroutableTopic: `nowhere.${randomUUID()}`,
    unsendable: { headers: { large: "x".repeat(100_000) } },
    createPublisher() {
      const publisher = createRabbitMqPublisher({
        connect: () => amqp.connect(withHeartbeat(node.url, proxy.port)),
        exchange,
        logger,
        reconnectMaxMs: 500,
      });
      publishers.push(publisher);
      return publisher;
    },
    async createTopic() {
      const topic = `topic.${randomUUID()}`;
      topics.set(topic, await broker.collect(await broker.createQueue(exchange, { routingKey: topic })));
      return topic;
    },
    async receive(topic, count) {
      const collector = topics.get(topic);
      if (collector === undefined) throw new Error(`${topic} is not a topic of this harness`);
      return (await collector.waitFor(count)).map(toReceived);
    },
    async createRefusingTopic() {
      const topic = `full.${randomUUID()}`;
      const full = { "x-queue-type": "classic", "x-max-length": 1, "x-overflow": "reject-publish" };
      const queue = await broker.createQueue(exchange, { routingKey: topic, arguments: full });
      broker.channel.sendToQueue(queue, Buffer.from("the one that fits"));
      return topic;
    },
    async cutConnection() {
      proxy.setMode("reset");
      proxy.cut();
    },
    async restoreConnection() {
      proxy.setMode("pass");
    },
    async holdConfirms() {
      proxy.setMode("hold-answers");
    },
    async releaseConfirms() {
      proxy.setMode("pass");
    },
    async block() {
      blocks += 1;
      isBlocked = true;
      await node.ctl("set_vm_memory_high_watermark", "0.00001");
      // RabbitMQ tells a connection only when it publishes; these messages go nowhere and are settled by the unblocking.
      for (const publisher of publishers) void publisher.publish(probe(), { timeoutMs: 60_000 }).catch(() => undefined);
      await logger.waitFor(/blocks publishers/, blocks);
    },
    unblock,
    async close() {
      // Also after a case that failed in the middle.
      if (isBlocked) await unblock();
      await Promise.all(publishers.map((publisher) => publisher.stop({ timeoutMs: 0 })));
      await proxy.close();
      await broker.close();
    },
  };
}

function probe(): OutgoingMessage {
  return testMessage({ topic: "omni-box-test.probe", partitionKey: randomUUID() });
}

function toReceived({ content, fields, properties }: ConsumeMessage): ReceivedMessage {
  return {
    id: String(properties.messageId),
    topic: fields.routingKey,
    type: String(properties.type),
    contentType: String(properties.contentType),
    body: content,
    headers: { ...properties.headers },
    correlationId: properties.correlationId ?? null,
    timestamp: new Date(Number(properties.timestamp) * 1_000),
  };
}
