// #region relay
import { createOutboxRelay } from "@omni-box/core";
import { createPrismaOutboxRepository } from "@omni-box/prisma";
import { createRabbitMqPublisher, defineTopology } from "@omni-box/rabbitmq";
import { connect } from "amqplib";
import type { PrismaClient } from "./generated/client.js";

export function createRelay(prisma: PrismaClient, amqpUrl: string) {
  return createOutboxRelay({
    repository: createPrismaOutboxRepository(prisma),
    publisher: createRabbitMqPublisher({
      connect: () => connect(amqpUrl, { noDelay: true, timeout: 5_000 }),
      exchange: "quickstart",
      topology: {
        assert: defineTopology({ exchanges: [{ name: "quickstart", type: "topic" }] }),
      },
    }),
  });
}
// #endregion relay
