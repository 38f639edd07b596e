import { createOutboxRelay } from "@omni-box/core";
import { createPrismaOutboxRepository } from "@omni-box/prisma";
import { createRabbitMqPublisher } from "@omni-box/rabbitmq";
import { PrismaPg } from "@prisma/adapter-pg";
import { connect } from "amqplib";
import { PrismaClient } from "../../dist/generated/client.js";
import { defineConfig } from "../../dist/index.js";

const { DATABASE_URL = "", AMQP_URL = "", SCHEMA = "", EXCHANGE = "" } = process.env;
const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: DATABASE_URL }) });

export default defineConfig({
  relay: () =>
    createOutboxRelay({
      repository: createPrismaOutboxRepository(prisma, { schema: SCHEMA }),
      publisher: createRabbitMqPublisher({
        connect: () => connect(AMQP_URL, { noDelay: true, timeout: 5_000 }),
        exchange: EXCHANGE,
      }),
    }),
  close: async () => {
    await prisma.$disconnect();
    console.error("closed");
  },
  http: { port: 0 },
});
