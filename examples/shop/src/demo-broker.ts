import type { EventPublisher } from "@omni-box/core";
import { createMemoryBroker } from "@omni-box/core/testing";
import { createRabbitMqPublisher, defineTopology } from "@omni-box/rabbitmq";
import { connect } from "amqplib";

/** What the demo needs of a broker. */
export interface DemoBroker {
  readonly name: string;
  readonly publisher: EventPublisher;
  /** Takes everything out of the queue of orders and returns the message ids, in the order of their arrival. */
  takeMessageIds(): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** A broker inside this process: nothing to install. */
export function openInProcessBroker(): DemoBroker {
  const broker = createMemoryBroker();
  broker.bind("orders", "orders");
  return {
    name: "an in-process broker",
    publisher: broker.publisher(),
    takeMessageIds: async () => broker.messages("orders").map(({ id }) => id),
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
  const topology = defineTopology({
    exchanges: [{ name, type: "direct" }],
    queues: [{ name }],
    bindings: [{ exchange: name, queue: name, routingKey: "orders" }],
  });
  return {
    name: "RabbitMQ",
    publisher: createRabbitMqPublisher({ connect: open, exchange: name, topology: { assert: topology } }),
    async takeMessageIds() {
      const ids: string[] = [];
      for (
        let got = await channel.get(name, { noAck: true });
        got !== false;
        got = await channel.get(name, { noAck: true })
      ) {
        ids.push(String(got.properties.messageId));
      }
      return ids;
    },
    async close() {
      await channel.deleteQueue(name);
      await channel.deleteExchange(name);
      await connection.close();
    },
  };
}
