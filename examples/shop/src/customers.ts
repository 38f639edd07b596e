import { type Committed, OutOfStockError, type Purchase, type Shop } from "./shop.js";

/** What the customers of one rush hour did. */
export interface RushHour {
  /** Transactions begun. */
  transactions: number;
  rolledBack: number;
  /** Ids of the events whose transactions committed. */
  readonly eventIds: string[];
}

/** Lets some customers at a time buy something and pay for it, until all have been served. */
export async function serveCustomers(shop: Shop, purchases: readonly Purchase[], atOnce: number): Promise<RushHour> {
  const rush: RushHour = { transactions: 0, rolledBack: 0, eventIds: [] };
  const queue = [...purchases];

  const transaction = async (work: () => Promise<Committed>): Promise<Committed | null> => {
    rush.transactions += 1;
    try {
      const committed = await work();
      rush.eventIds.push(...committed.eventIds);
      return committed;
    } catch (error) {
      if (!(error instanceof OutOfStockError)) throw error;
      rush.rolledBack += 1;
      return null;
    }
  };

  const till = async () => {
    for (let purchase = queue.shift(); purchase !== undefined; purchase = queue.shift()) {
      const wanted = purchase;
      const placed = await transaction(() => shop.placeOrder(wanted));
      if (placed !== null) await transaction(() => shop.payOrder(placed.orderId));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, till));
  return rush;
}
