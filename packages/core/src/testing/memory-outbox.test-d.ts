import { z } from "zod";
import { defineEvent } from "../events/define-event.js";
import { createMemoryOutbox } from "./memory-outbox.js";

const OrderPlaced = defineEvent({
  type: "order.placed",
  topic: "orders",
  aggregateType: "order",
  version: "1.0.0",
  schema: z.object({
    customer: z.string(),
    placedAt: z.coerce.date<string>(),
    lines: z.array(z.object({ sku: z.string() })),
  }),
});

const outbox = createMemoryOutbox();

// Any part of the payload, in the schema's input form, in which it is stored.
outbox.expectAdded(OrderPlaced, { payload: { customer: "Ada" }, times: 1 });
outbox.expectAdded(OrderPlaced, { payload: { placedAt: "2026-01-01", lines: [{}] } });

// @ts-expect-error a name that is not in the payload
outbox.expectAdded(OrderPlaced, { payload: { costumer: "Ada" } });
// @ts-expect-error a value of the wrong type
outbox.expectAdded(OrderPlaced, { payload: { lines: [{ sku: 1 }] } });
// @ts-expect-error a field that events do not have
outbox.expectAdded(OrderPlaced, { aggregate: "1" });
