import type { EventConsumer, EventPublisher } from "@omni-box/core";
import { createMemoryBroker } from "@omni-box/core/testing";
import { createRabbitMqConsumer, createRabbitMqPublisher, defineTopology } from "@omni-box/rabbitmq";
import { connect } from "amqplib";

/** What the demo needs of a broker. */
export interface DemoBroker {
  readonly name: string;
  /** One for each relay. */
  publisher(): EventPublisher;
  /** Consumes what is published to a topic. */
  consumer(topic: string): EventConsumer;
  close(): Promise<void>;
}

const topics = ["orders", "shipments"];

/** A broker inside this process: nothing to install. */
export function openInProcessBroker(): DemoBroker {
  const broker = createMemoryBroker();
  for (const topic of topics) broker.bind(topic, topic);
  return {
    name: "an in-process broker",
    publisher: () => broker.publisher(),
    consumer: (topic) => broker.consumer({ queue: topic }),
    close: async () => {},
  };
}

/** RabbitMQ, with names of the demo's own that are removed at the end. */
export async function openRabbitMq(url: string, name: string): Promise<DemoBroker> {
  const address = new URL(url);
  // The broker then notices a dead publisher after about ten seconds; its own default is minutes.
  address.searchParams.set("heartbeat", "3");
  const open = () => connect(address.href, { noDelay: true, timeout: 5_000 });
  const connection = await open();
  const channel = await connection.createChannel();
  const queueOf = (topic: string) => `${name}.${topic}`;
  const topology = defineTopology({ exchanges: [{ name, type: "topic" }] });
  return {
    name: "RabbitMQ",
    publisher: () => createRabbitMqPublisher({ connect: open, exchange: name, topology: { assert: topology } }),
    consumer: (topic) =>
      createRabbitMqConsumer({
        connect: open,
        queue: queueOf(topic),
        bindings: [{ exchange: name, routingKey: topic }],
      }),
    async close() {
      for (const queue of topics.map(queueOf)) {
        await channel.deleteQueue(queue);
        await channel.deleteQueue(`${queue}.dead`);
        await channel.deleteExchange(`${queue}.dead`);
      }
      await channel.deleteExchange(name);
      await connection.close();
    },
  };
}
