import type { StandardSchemaV1 } from "@standard-schema/spec";
import { z } from "zod";
import { defineEvent } from "./define-event.js";
import type { OutboxEventDraft } from "./outbox-event-draft.js";

const OrderPlaced = defineEvent({
  type: "order.placed",
  topic: "orders",
  aggregateType: "order",
  version: "1",
  schema: z.strictObject({
    customer: z.string(),
    placedAt: z.coerce.date<string>(),
    note: z.string().optional(),
    currency: z.string().default("EUR"),
  }),
});

// The type is inferred as a literal, nothing is written by hand.
export const type: "order.placed" = OrderPlaced.type;

// The payload is typed in the schema's input form: dates as the text that is stored, defaults optional.
export const draft: OutboxEventDraft = OrderPlaced.create({
  aggregateId: 1n,
  payload: { customer: "Ada", placedAt: "2026-01-01" },
});

// @ts-expect-error the output form, a Date, is not what is stored
OrderPlaced.create({ aggregateId: "1", payload: { customer: "Ada", placedAt: new Date() } });
// @ts-expect-error a required field is missing
OrderPlaced.create({ aggregateId: "1", payload: { customer: "Ada" } });
// @ts-expect-error a field of the wrong type
OrderPlaced.create({ aggregateId: "1", payload: { customer: 1, placedAt: "2026-01-01" } });
// @ts-expect-error a field that the strict schema does not know
OrderPlaced.create({ aggregateId: "1", payload: { customer: "Ada", placedAt: "2026-01-01", costumer: "Ada" } });
// @ts-expect-error no aggregate id
OrderPlaced.create({ payload: { customer: "Ada", placedAt: "2026-01-01" } });
// @ts-expect-error the topic belongs to the definition
OrderPlaced.create({ aggregateId: "1", payload: { customer: "Ada", placedAt: "2026-01-01" }, topic: "other" });
// @ts-expect-error an event cannot be changed
draft.topic = "other";
// @ts-expect-error nor can its payload
draft.payload.customer = "Bob";

// The partition key's function sees the payload's input form and must answer with text.
defineEvent({
  type: "order.paid",
  topic: "orders",
  aggregateType: "order",
  version: "1",
  schema: z.object({ customer: z.string(), paidAt: z.coerce.date<string>() }),
  partitionKey: ({ aggregateId, payload }) => {
    const [id, paidAt]: [string, string] = [aggregateId, payload.paidAt];
    return id + paidAt;
  },
});
defineEvent({
  type: "order.paid",
  topic: "orders",
  aggregateType: "order",
  version: "1",
  schema: z.object({ customer: z.string().optional() }),
  // @ts-expect-error the key may be undefined
  partitionKey: ({ payload }) => payload.customer,
});

// Migrations take payloads of versions whose types are gone, or annotated by hand; and answer with an object, now or later.
defineEvent({
  type: "order.paid",
  topic: "orders",
  aggregateType: "order",
  version: "3",
  schema: z.object({ cents: z.int() }),
  migrations: [
    {
      from: "1",
      to: "2",
      migrate: (old) => ({ ...old, cents: Math.round(old.total * 100), first: old.lines[0].name }),
    },
    {
      from: "2",
      to: "3",
      migrate: async (old: { readonly cents: number; readonly extra?: string }) => ({ cents: old.cents }),
    },
  ],
});
defineEvent({
  type: "order.paid",
  topic: "orders",
  aggregateType: "order",
  version: "2",
  schema: z.object({}),
  // @ts-expect-error the payload must be an object
  migrations: [{ from: "1", to: "2", migrate: () => 1 }],
});
defineEvent({
  type: "order.paid",
  topic: "orders",
  aggregateType: "order",
  version: "2",
  schema: z.object({}),
  migrations: [
    {
      from: "1",
      to: "2",
      migrate: (old) => {
        // @ts-expect-error the old payload is not changed in place
        old.total = 1;
        return old;
      },
    },
  ],
});

// @ts-expect-error no schema
defineEvent({ type: "a", topic: "b", aggregateType: "c", version: "1" });
// @ts-expect-error an option that does not exist
defineEvent({ type: "a", topic: "b", aggregateType: "c", version: "1", schema: z.object({}), retries: 1 });

// Any Standard Schema types the payload.
declare const foreign: StandardSchemaV1<{ readonly total: string }, { readonly total: number }>;
const Foreign = defineEvent({ type: "a", topic: "b", aggregateType: "c", version: "1", schema: foreign });
Foreign.create({ aggregateId: "1", payload: { total: "1.00" } });
// @ts-expect-error the output form
Foreign.create({ aggregateId: "1", payload: { total: 1 } });
