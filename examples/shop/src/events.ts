import { defineEvent } from "@omni-box/core";
import { z } from "zod";

/** A customer has placed an order. */
export const OrderPlaced = defineEvent({
  type: "order.placed",
  version: "1.0.0",
  topic: "orders",
  aggregateType: "order",
  schema: z.object({ orderId: z.uuid(), customer: z.string(), totalCents: z.int().positive() }),
});

/** The order has been paid. */
export const OrderPaid = defineEvent({
  type: "order.paid",
  version: "1.0.0",
  topic: "orders",
  aggregateType: "order",
  schema: z.object({ orderId: z.uuid(), totalCents: z.int().positive() }),
});
