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

// #region consumer
import { createRabbitMqConsumer } from "@omni-box/rabbitmq";

export const consumer = createRabbitMqConsumer({
  connect: () => amqp.connect("amqp://localhost?heartbeat=10", { timeout: 5_000 }),
  queue: "shipping.orders",
  bindings: [{ exchange: "events", routingKey: "orders" }],
});

// #endregion consumer

// #region per-key
import { consistentHashTopology } from "@omni-box/rabbitmq";

const byKey = consistentHashTopology({
  exchange: "shipping.by-key",
  queues: 4,
  bindings: [{ exchange: "events", routingKey: "orders" }],
});

export const consumers = byKey.queues.map((queue) =>
  createRabbitMqConsumer({
    connect: () => amqp.connect("amqp://localhost?heartbeat=10", { timeout: 5_000 }),
    queue,
    declare: "check",
    topology: { assert: byKey.topology },
    deadLetter: byKey.deadLetter,
    singleActiveConsumer: true,
  }),
);
// #endregion per-key
