// #region events
import { defineEvent } from "@omni-box/core";
import { z } from "zod";

export const OrderPlaced = defineEvent({
  type: "order.placed",
  version: "1.0.0",
  topic: "orders",
  aggregateType: "order",
  schema: z.object({ orderId: z.int(), customer: z.string(), totalCents: z.int().positive() }),
});
// #endregion events
