import { createOutboxRelay, leased } from "@omni-box/core";
import { createPrismaOutboxRepository } from "@omni-box/prisma";
import { createRabbitMqPublisher } from "@omni-box/rabbitmq";
import { PrismaPg } from "@prisma/adapter-pg";
import { connect } from "amqplib";
import { PrismaClient } from "../generated/client.js";
import { amqpUrl, databaseUrl } from "./services.js";
import type { RunningWorker } from "./worker-process.js";
import type { WorkerSettings } from "./workers.js";

/** A relay with default options; in order unless it is told otherwise. */
export async function runOmniBox({ lane, isOrdered }: WorkerSettings): Promise<RunningWorker> {
  const client = new PrismaClient({ adapter: new PrismaPg({ connectionString: databaseUrl }, { schema: lane }) });
  const relay = createOutboxRelay({
    repository: createPrismaOutboxRepository(client, { schema: lane }),
    publisher: createRabbitMqPublisher({ connect: () => connect(amqpUrl, { noDelay: true }), exchange: lane }),
    fetch: isOrdered ? undefined : leased(),
  });
  await relay.start();
  return {
    nudge: () => relay.nudge(),
    async stop() {
      await relay.stop();
      await client.$disconnect();
    },
  };
}
