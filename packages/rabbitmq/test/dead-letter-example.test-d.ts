import type { EventAdministration, OutboxEvent } from "@omni-box/core";

declare const administration: EventAdministration<OutboxEvent>;

// #region dead-letters
import { createDeadLetterPublisher } from "@omni-box/core";
import { createRabbitMqPublisher, defineTopology } from "@omni-box/rabbitmq";
import amqp from "amqplib";

const topology = defineTopology({
  exchanges: [{ name: "dead-letters" }],
  queues: [{ name: "dead-letters" }],
  bindings: [{ exchange: "dead-letters", queue: "dead-letters", routingKey: "#" }],
});

export const deadLetters = createDeadLetterPublisher({
  administration,
  publisher: createRabbitMqPublisher({
    connect: () => amqp.connect("amqp://localhost?heartbeat=3", { timeout: 5_000 }),
    exchange: "dead-letters",
    topology: { assert: topology },
  }),
});
await deadLetters.start();
// #endregion dead-letters
