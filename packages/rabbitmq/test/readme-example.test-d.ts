import type { OutboxEventRepository } from "@omni-box/core";

declare const repository: OutboxEventRepository<unknown>;

// #region relay
import { createOutboxRelay } from "@omni-box/core";
import { createRabbitMqPublisher } from "@omni-box/rabbitmq";
import amqp from "amqplib";

const relay = createOutboxRelay({
  repository,
  publisher: createRabbitMqPublisher({
    connect: () => amqp.connect("amqp://localhost?heartbeat=3", { timeout: 5_000 }),
    exchange: "events",
  }),
});
await relay.start();

// #endregion relay

// #region topology
import { defineTopology } from "@omni-box/rabbitmq";

export const topology = defineTopology({
  exchanges: [{ name: "events" }, { name: "events.dead", type: "fanout" }],
  queues: [
    { name: "shipping.orders", deadLetterExchange: "events.dead", deliveryLimit: 100 },
    { name: "shipping.dead" },
  ],
  bindings: [
    { exchange: "events", queue: "shipping.orders", routingKey: "orders" },
    { exchange: "events.dead", queue: "shipping.dead" },
  ],
});
// #endregion topology
