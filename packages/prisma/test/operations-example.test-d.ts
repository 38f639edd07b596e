import type { PrismaClient } from "./generated/client.js";

declare const prisma: PrismaClient;

// #region maintenance
import { createMaintenance } from "@omni-box/core";
import { createPrismaInboxAdministration, createPrismaOutboxAdministration } from "@omni-box/prisma";

const maintenance = createMaintenance({
  outbox: { administration: createPrismaOutboxAdministration(prisma) },
  inbox: { administration: createPrismaInboxAdministration(prisma), keepCompletedDays: 14 },
});
await maintenance.start();

// #endregion maintenance

// #region requeue
export const withRule = createMaintenance({
  outbox: {
    administration: createPrismaOutboxAdministration(prisma),
    // A queue that is bound too late: try once more every hour, for a day.
    requeue: [{ codes: ["BROKER.UNROUTABLE"], afterMs: 3_600_000 }],
  },
});

// #endregion requeue

// #region doctor
import { examineStore } from "@omni-box/prisma";

for (const { name, status, found, advice } of await examineStore(prisma)) {
  if (status !== "ok") console.warn(`${status}: ${name}: ${found}. What to do: ${advice}`);
}
// #endregion doctor
