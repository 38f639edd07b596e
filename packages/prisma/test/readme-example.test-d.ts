import type { EventPublisher, OutboxEventDraft } from "@omni-box/core";
import type { PrismaClient } from "./generated/client.js";

declare const prisma: PrismaClient;
declare const event: OutboxEventDraft;
declare const publisher: EventPublisher;
declare const connectionString: string;
const data = { customer: "Ada", totalCents: 4200 };

// #region outbox
import { createOutbox } from "@omni-box/core";
import { createPrismaOutboxRepository } from "@omni-box/prisma";

const repository = createPrismaOutboxRepository(prisma);
const outbox = createOutbox({ repository });

await prisma.$transaction(async (tx) => {
  await tx.testOrder.create({ data });
  await outbox.add(tx, event); // or many: [event, another]
});

// #endregion outbox

// #region extension
import { omniBox } from "@omni-box/prisma";

const extended = prisma.$extends(omniBox({ outbox }));

await extended.$transaction(async (tx) => {
  await tx.testOrder.create({ data });
  await tx.$outbox.add(event);
});

// #endregion extension

// #region migrations
import { applyOmniBoxMigrations } from "@omni-box/prisma";

const { applied } = await applyOmniBoxMigrations(prisma, { schema: "app" });

// #endregion migrations

// #region inbox
import { createPrismaInboxRepository } from "@omni-box/prisma";

const inboxRepository = createPrismaInboxRepository(prisma, {
  transaction: { isolationLevel: "ReadCommitted", maxWaitMs: 5_000 },
});

// #endregion inbox

// #region driver
import { PrismaPg } from "@prisma/adapter-pg";

export const adapter = new PrismaPg({
  connectionString,
  max: 25,
  connectionTimeoutMillis: 5_000,
  query_timeout: 40_000,
});

// #endregion driver

// #region models
import { createOutboxRelay, optimistic } from "@omni-box/core";
import { createPrismaModelOutboxRepository } from "@omni-box/prisma";

const relay = createOutboxRelay({
  repository: createPrismaModelOutboxRepository(prisma),
  fetch: optimistic(),
  publisher,
});

// #endregion models

export { applied, inboxRepository, relay };
