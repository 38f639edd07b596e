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
  /** To an exchange of its own, for letters about failed events. */
  letterPublisher(): EventPublisher;
  /** Consumes these letters. */
  letterConsumer(): EventConsumer;
  close(): Promise<void>;
}

const topics = ["orders", "shipments"];

/** A broker inside this process: nothing to install. */
export function openInProcessBroker(): DemoBroker {
  const broker = createMemoryBroker();
  for (const topic of topics) broker.bind(topic, topic);
  const letters = createMemoryBroker();
  letters.bind("letters", "#");
  return {
    name: "an in-process broker",
    publisher: () => broker.publisher(),
    consumer: (topic) => broker.consumer({ queue: topic }),
    letterPublisher: () => letters.publisher(),
    letterConsumer: () => letters.consumer({ queue: "letters" }),
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
  const letters = `${name}.letters`;
  const publisherTo = (exchange: string) =>
    createRabbitMqPublisher({
      connect: open,
      exchange,
      topology: { assert: defineTopology({ exchanges: [{ name: exchange, type: "topic" }] }) },
    });
  return {
    name: "RabbitMQ",
    publisher: () => publisherTo(name),
    consumer: (topic) =>
      createRabbitMqConsumer({
        connect: open,
        queue: queueOf(topic),
        bindings: [{ exchange: name, routingKey: topic }],
      }),
    letterPublisher: () => publisherTo(letters),
    letterConsumer: () =>
      createRabbitMqConsumer({
        connect: open,
        queue: letters,
        bindings: [{ exchange: letters, routingKey: "#" }],
      }),
    async close() {
      for (const queue of [...topics.map(queueOf), letters]) {
        await channel.deleteQueue(queue);
        await channel.deleteQueue(`${queue}.dead`);
        await channel.deleteExchange(`${queue}.dead`);
      }
      await channel.deleteExchange(name);
      await channel.deleteExchange(letters);
      await connection.close();
    },
  };
}
