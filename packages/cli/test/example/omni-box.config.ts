// #region config
import { defineConfig } from "@omni-box/cli";
import { createOutboxRelay } from "@omni-box/core";
import { createPrismaOutboxRepository } from "@omni-box/prisma";
import { createRabbitMqPublisher } from "@omni-box/rabbitmq";
import { connect } from "amqplib";
import { prisma } from "./src/prisma.js";

const amqpUrl = process.env.AMQP_URL ?? "amqp://guest:guest@127.0.0.1:5672?heartbeat=3";

export default defineConfig({
  relay: () =>
    createOutboxRelay({
      repository: createPrismaOutboxRepository(prisma),
      publisher: createRabbitMqPublisher({
        connect: () => connect(amqpUrl, { noDelay: true, timeout: 5_000 }),
        exchange: "events",
      }),
    }),
  close: () => prisma.$disconnect(),
  doctor: { exchanges: ["events"], queues: ["shipping.orders"] },
});
// #endregion config
