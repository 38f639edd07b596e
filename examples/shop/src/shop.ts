import type { ShopClient } from "./database.js";
import { OrderPaid, OrderPlaced } from "./events.js";

/** The shelf was empty; the order does not exist. */
export class OutOfStockError extends Error {
  override readonly name = "OutOfStockError";
}

/** What a customer wants to buy. */
export interface Purchase {
  readonly customer: string;
  readonly productId: string;
  readonly totalCents: number;
}

/** A transaction that committed, with the ids of the events that it added. */
export interface Committed {
  readonly orderId: string;
  readonly eventIds: readonly string[];
}

/** The operations of the shop; each is one transaction. */
export function createShop(prisma: ShopClient) {
  return {
    /** Places an order. When the stock turns out to be used up, everything rolls back: the order, and its event. */
    placeOrder: ({ customer, productId, totalCents }: Purchase): Promise<Committed> =>
      prisma.$transaction(async (tx) => {
        const order = await tx.order.create({ data: { customer, productId, totalCents } });
        const added = await tx.$outbox.add(
          OrderPlaced.create({ aggregateId: order.id, payload: { orderId: order.id, customer, totalCents } }),
        );
        const taken = await tx.product.updateMany({
          where: { id: productId, stock: { gt: 0 } },
          data: { stock: { decrement: 1 } },
        });
        if (taken.count === 0) throw new OutOfStockError(`${productId} is out of stock`);
        return { orderId: order.id, eventIds: added.map(({ id }) => id) };
      }),

    /** Takes the money. */
    payOrder: (orderId: string): Promise<Committed> =>
      prisma.$transaction(async (tx) => {
        const { totalCents } = await tx.order.update({ where: { id: orderId }, data: { status: "PAID" } });
        const added = await tx.$outbox.add(
          OrderPaid.create({ aggregateId: orderId, payload: { orderId, totalCents } }),
        );
        return { orderId, eventIds: added.map(({ id }) => id) };
      }),
  };
}

/** See {@link createShop}. */
export type Shop = ReturnType<typeof createShop>;
