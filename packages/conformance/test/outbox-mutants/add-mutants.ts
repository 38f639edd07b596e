import { randomUUID } from "node:crypto";
import type { OutboxMutant } from "./outbox-mutant.js";

/** Faults of `add`, of content and of what is claimed about itself. */
export const addMutants: readonly OutboxMutant[] = [
  {
    fault: "events are stored outside the transaction",
    killedBy: "outbox.add.rollback",
    wrap: (base) => ({ ...base, add: (_tx, drafts) => base.add(base.client, drafts) }),
  },
  {
    fault: "events of one add are stored in another order",
    killedBy: "outbox.add.seq-order",
    wrap: (base) => ({
      ...base,
      add: async (tx, drafts) => [...(await base.add(tx, [...drafts].reverse()))].reverse(),
    }),
  },
  {
    fault: "a large add loses its last events",
    killedBy: "outbox.content.largest-add",
    wrap: (base) => ({ ...base, add: (tx, drafts) => base.add(tx, drafts.slice(0, 6_553)) }),
  },
  {
    fault: "the root client passes for a transaction",
    killedBy: "outbox.add.root-refused",
    wrap: (base) => ({ ...base, isTransaction: () => true }),
  },
  {
    fault: "idempotency keys are not looked at",
    killedBy: "outbox.duplicates.key-later",
    wrap: (base) => ({
      ...base,
      async add(tx, drafts) {
        const renamed = drafts.map((draft) => ({ ...draft, id: randomUUID(), idempotencyKey: null }));
        return (await base.add(tx, renamed)).map((added, index) => ({ ...added, id: drafts[index]?.id ?? added.id }));
      },
    }),
  },
  {
    fault: "a duplicate is not reported as one",
    killedBy: "outbox.duplicates.id",
    wrap: (base) => ({
      ...base,
      add: async (tx, drafts) => (await base.add(tx, drafts)).map((added) => ({ ...added, duplicate: false })),
    }),
  },
  {
    fault: "a duplicate makes the whole add fail",
    killedBy: "outbox.duplicates.key-in-one-add",
    wrap: (base) => ({
      ...base,
      async add(tx, drafts) {
        const added = await base.add(tx, drafts);
        if (added.some(({ duplicate }) => duplicate)) throw new Error("unique constraint");
        return added;
      },
    }),
  },
  {
    fault: "numbers of the payload lose precision",
    killedBy: "outbox.content.numbers",
    wrap: (base) => ({
      ...base,
      async findById(id) {
        const event = await base.findById(id);
        const round = (_key: string, value: unknown) => (typeof value === "number" ? Math.fround(value) : value);
        return event && { ...event, payload: JSON.parse(JSON.stringify(event.payload), round) };
      },
    }),
  },
  {
    fault: "text loses what is not ASCII",
    killedBy: "outbox.content.text",
    wrap: (base) => ({
      ...base,
      async findById(id) {
        const event = await base.findById(id);
        const ascii = JSON.stringify(event?.payload).replace(/[^ -~]/g, "?");
        return event && { ...event, payload: JSON.parse(ascii) };
      },
    }),
  },
  {
    fault: "it half works where it declares nothing",
    killedBy: "outbox.capabilities.undeclared-fail",
    features: [],
    wrap: (base) => ({ ...base, capabilities: { ...base.capabilities, leasedClaim: false, bulkOutcomes: false } }),
  },
  {
    fault: "it does not claim a capability that was declared",
    killedBy: "outbox.capabilities.declared",
    wrap: (base) => ({ ...base, capabilities: { ...base.capabilities, bulkOutcomes: false } }),
  },
  {
    fault: "a sound store is reported as broken",
    killedBy: "outbox.verify.sound",
    wrap: (base) => ({ ...base, verify: async () => ["the table is missing"] }),
  },
];
