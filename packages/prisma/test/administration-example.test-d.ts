import type { PrismaClient } from "./generated/client.js";

declare const prisma: PrismaClient;

// #region create
import { createPrismaInboxAdministration, createPrismaOutboxAdministration } from "@omni-box/prisma";

const outbox = createPrismaOutboxAdministration(prisma);
const inbox = createPrismaInboxAdministration(prisma);

// #endregion create

// #region look
const { failed, blockedKeys } = await outbox.statistics();
console.log(`${failed} events have failed, ${blockedKeys} keys wait for them`);

for (const { partitionKey, head, since, waiting } of await outbox.blockedKeys({ limit: 100 })) {
  console.log(
    `${partitionKey} stands since ${since.toISOString()} behind ${head.id} (${head.lastError}); ${waiting} wait`,
  );
}

for (const { event, history } of await outbox.list({ filter: { statuses: ["failed"] }, limit: 20 })) {
  console.log(event.id, event.type);
  for (const { at, what, note } of history) console.log(`  ${at.toISOString()} ${what} ${note ?? ""}`);
}
// #endregion look

// #region requeue
const filter = { types: ["order.placed"], errorContains: "no queue" };
const preview = await outbox.requeue({ filter, limit: 1_000, dryRun: true });
console.log(`${preview.changed.length} events would be requeued${preview.more ? ", and more" : ""}`);

await outbox.requeue({ filter, limit: 1_000, reason: "the queue is bound again" });
// #endregion requeue

// #region give-up
const id = "01902f7e-58a5-7d3e-a6b1-2f4c5d6e7f80";
await outbox.skip({ filter: { ids: [id] }, limit: 1, reason: "the order was deleted" });
await outbox.purge({ filter: { ids: [id] }, limit: 1 });
// #endregion give-up

// #region retention
const thirtyDaysMs = 30 * 24 * 3_600_000;
let removed: number;
do {
  removed = await inbox.removeOld({ status: "completed", olderThanMs: thirtyDaysMs, limit: 5_000 });
} while (removed > 0);
// #endregion retention
