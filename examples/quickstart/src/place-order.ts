// #region produce
import { createOutbox } from "@omni-box/core";
import { createPrismaOutboxRepository } from "@omni-box/prisma";
import { OrderPlaced } from "./events.js";
import type { PrismaClient } from "./generated/client.js";

export function createOrders(prisma: PrismaClient) {
  const outbox = createOutbox({ repository: createPrismaOutboxRepository(prisma) });

  return {
    place: (customer: string, totalCents: number) =>
      prisma.$transaction(async (tx) => {
        const order = await tx.order.create({ data: { customer, totalCents } });
        const payload = { orderId: order.id, customer, totalCents };
        await outbox.add(tx, OrderPlaced.create({ aggregateId: order.id, payload }));
        return order; // The order and its event commit together, or neither does.
      }),
  };
}
// #endregion produce
