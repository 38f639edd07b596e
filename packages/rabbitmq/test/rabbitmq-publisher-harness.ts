import { randomUUID } from "node:crypto";
import type { PublisherFeature, PublisherHarness, ReceivedMessage } from "@omni-box/conformance";
import type { EventPublisher, OutgoingMessage } from "@omni-box/core";
import amqp, { type ConsumeMessage } from "amqplib";
import { createRabbitMqPublisher } from "../src/index.js";
import { feed, probeUntil, starve } from "./memory-alarm.js";
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
  let blocking: Promise<void> | null = null;
  let closing: Promise<void> | null = null;

  async function block(): Promise<void> {
    blocks += 1;
    await starve(node);
    await probeUntil(
      () =>
        closing !== null || logger.lines.filter(({ message }) => /blocks publishers/.test(message)).length >= blocks,
      // These messages go nowhere; those that are held back are settled by the unblocking.
      () => {
        for (const publisher of publishers) publisher.publish(probe(), { timeoutMs: 60_000 }).catch(() => undefined);
      },
    );
    if (closing !== null) throw new Error("the harness was closed before the broker blocked the publisher");
  }

  async function unblock(): Promise<void> {
    blocking = null;
    await feed(node);
  }

  async function closeAll(): Promise<void> {
    if (blocking !== null) {
      // Also after a case that failed in the middle: the two commands must not overtake each other.
      await blocking.catch(() => undefined);
      await unblock();
    }
    await Promise.all(publishers.map((publisher) => publisher.stop({ timeoutMs: 0 })));
    await proxy.close();
    await broker.close();
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
      // Asked on the same channel, so the broker answers after it has dealt with the message; until it is there nothing is refused.
      while ((await broker.channel.checkQueue(queue)).messageCount === 0);
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
    block() {
      blocking = block();
      return blocking;
    },
    unblock,
    close() {
      closing ??= closeAll();
      return closing;
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
