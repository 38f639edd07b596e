import {
  createEventRouter,
  createInboxConsumer,
  createOutboxRelay,
  type EventConsumer,
  type EventPublisher,
  PermanentError,
} from "@omni-box/core";
import type { Database } from "./database.js";
import { OrderPaid, OrderPlaced, ShipmentPrepared } from "./events.js";
import type { Prisma } from "./generated/client.js";

/** The packing machine is jammed; the handler is called again later. */
export class PackingMachineJammedError extends Error {
  override readonly name = "PackingMachineJammedError";
}

/** What the shipping service is made of. */
export interface ShippingParts {
  readonly database: Database;
  /** One for each instance of the service: they compete for the messages. */
  readonly consumers: readonly EventConsumer[];
  readonly publisher: EventPublisher;
  /** Whether the packing machine jams for an order, at this attempt. */
  isJammed(orderId: string, attempt: number): boolean;
  /** Whether it is known where the customer lives. */
  hasAddress(customer: string): boolean;
}

/**
 * The second service: it learns of orders, prepares their shipments, and says so through an outbox of its own.
 *
 * Each handler's writes, and the event that it publishes, commit together with the record that the message was handled.
 */
export function createShipping({ database, consumers, publisher, isJammed, hasAddress }: ShippingParts) {
  const router = createEventRouter<Prisma.TransactionClient>()
    .on(OrderPlaced, async ({ payload, receivedVersion }, { tx, outbox, attempt }) => {
      const { orderId, customer, totalCents } = payload;
      // Trying again would not help: the event fails at once, and waits for a person.
      if (!hasAddress(customer)) throw new PermanentError("the address of the customer is not known");
      await tx.shipment.create({ data: { orderId, totalCents, receivedVersion } });
      await outbox.add(ShipmentPrepared.create({ aggregateId: orderId, payload: { orderId } }));
      // After its writes, so that the demo shows that they are rolled back.
      if (isJammed(orderId, attempt)) throw new PackingMachineJammedError("the packing machine is jammed");
    })
    .on(OrderPaid, async ({ payload }, { tx }) => {
      await tx.release.create({ data: { orderId: payload.orderId } });
    });

  return {
    relay: createOutboxRelay({ repository: database.repository, publisher }),
    inboxes: consumers.map((consumer) =>
      createInboxConsumer({
        consumer,
        repository: database.inbox,
        outbox: database.outbox,
        consumerGroup: "shipping",
        router,
        concurrency: 5,
        processor: { concurrency: 3 },
        retry: { delayMs: () => 100 },
      }),
    ),
  };
}

/** The shop's own consumer: it marks the orders that shipping has prepared. */
export function createShopInbox(database: Database, consumer: EventConsumer) {
  const router = createEventRouter<Prisma.TransactionClient>().on(ShipmentPrepared, async ({ payload }, { tx }) => {
    // No order of this year's shop may answer to it, so none is asked for.
    await tx.order.updateMany({ where: { id: payload.orderId }, data: { isPrepared: true } });
  });
  return createInboxConsumer({ consumer, repository: database.inbox, consumerGroup: "shop", router });
}
