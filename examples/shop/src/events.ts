import { defineEvent } from "@omni-box/core";
import { z } from "zod";

/** A customer has placed an order. Until last year its total was in whole currency units, as `total`. */
export const OrderPlaced = defineEvent({
  type: "order.placed",
  version: "2.0.0",
  topic: "orders",
  aggregateType: "order",
  schema: z.object({ orderId: z.uuid(), customer: z.string(), totalCents: z.int().positive() }),
  migrations: [
    {
      from: "1.0.0",
      to: "2.0.0",
      migrate: ({ total, ...order }) => ({ ...order, totalCents: Math.round(Number(total) * 100) }),
    },
  ],
});

/** The order has been paid. */
export const OrderPaid = defineEvent({
  type: "order.paid",
  version: "1.0.0",
  topic: "orders",
  aggregateType: "order",
  schema: z.object({ orderId: z.uuid(), totalCents: z.int().positive() }),
});

/** Shipping has packed the parcel. */
export const ShipmentPrepared = defineEvent({
  type: "shipment.prepared",
  version: "1.0.0",
  topic: "shipments",
  aggregateType: "shipment",
  schema: z.object({ orderId: z.uuid() }),
});
