import type { EventPublisher, Outbox, OutboxEventRepository } from "@omni-box/core";
import type { PrismaClientLike, PrismaTransactionLike } from "@omni-box/prisma";
import type { PrismaClient } from "./generated/client.js";

declare const prisma: PrismaClient;
declare const outbox: Outbox<PrismaTransactionLike>;
declare const repository: OutboxEventRepository<PrismaTransactionLike, PrismaClientLike>;
declare const publisher: EventPublisher;

// #region wake-up
import { createOutboxRelay } from "@omni-box/core";
import { createPostgresqlWakeUp, createPostgresqlWakeUpSender, omniBox } from "@omni-box/prisma";
import pg from "pg";

// Where events are added:
const sender = createPostgresqlWakeUpSender(prisma);
const extended = prisma.$extends(omniBox({ outbox, afterCommit: () => sender.notify() }));

// Where the relay runs:
const wakeUp = createPostgresqlWakeUp({
  connect: async () => {
    const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
    await client.connect();
    return client;
  },
});
const relay = createOutboxRelay({ repository, publisher, wakeUp });

// #endregion wake-up

export { extended, relay };
