import { z } from "zod";
import { defineEvent } from "../events/define-event.js";
import type { OutboxEventDraft } from "../events/outbox-event-draft.js";
import type { AddedEvent, OutboxEventRepository } from "../protocols/outbox-event-repository.js";
import { createMemoryOutbox } from "../testing/memory-outbox.js";
import { createMemoryOutboxRepository } from "../testing/memory-outbox-repository.js";
import type { MemoryTransaction } from "../testing/memory-transaction.js";
import { createOutbox, type Outbox } from "./create-outbox.js";

interface SomeTransaction {
  readonly execute: (sql: string) => Promise<void>;
}
interface SomeClient extends SomeTransaction {
  readonly connect: () => Promise<void>;
}

const OrderPlaced = defineEvent({
  type: "order.placed",
  topic: "orders",
  aggregateType: "order",
  version: "1",
  schema: z.object({ customer: z.string() }),
});
const draft = OrderPlaced.create({ aggregateId: "1", payload: { customer: "Ada" } });

declare const repository: OutboxEventRepository<SomeTransaction & { connect?: undefined }, SomeClient>;
declare const tx: SomeTransaction;
declare const client: SomeClient;

// The transaction's type is taken from the repository.
const strict = createOutbox({ repository });
const added: Promise<readonly AddedEvent[]> = strict.add(tx, draft);
strict.add(tx, [draft, draft], { correlationId: "c", headers: { tenant: "a" }, scheduledAt: new Date() });
strict.add(tx, draft as OutboxEventDraft | readonly OutboxEventDraft[]);

// @ts-expect-error the client outside a transaction
strict.add(client, draft);
// @ts-expect-error something else
strict.add({}, draft);
// @ts-expect-error no transaction
strict.add(draft);
// @ts-expect-error an event must be made by its definition
strict.add(tx, { type: "order.placed", payload: {} });
// @ts-expect-error an option that does not exist
strict.add(tx, draft, { topic: "other" });
// @ts-expect-error attempts are said by each event
strict.add(tx, draft, { maxAttempts: 1 });
// @ts-expect-error headers are text
strict.add(tx, draft, { headers: { a: 1 } });

// Not strict: the client outside a transaction is accepted too.
const loose = createOutbox({ repository, strict: false });
loose.add(tx, draft);
loose.add(client, draft);
// @ts-expect-error but nothing else
loose.add({}, draft);

// Said to be strict, or not known before run time: as strict.
// @ts-expect-error the client outside a transaction
createOutbox({ repository, strict: true }).add(client, draft);
// @ts-expect-error the client outside a transaction
createOutbox({ repository, strict: Math.random() > 0.5 }).add(client, draft);

// @ts-expect-error no repository
createOutbox({});
// @ts-expect-error an option that does not exist
createOutbox({ repository, table: "outbox" });

// The in-memory repository has transactions of its own.
const memory = createMemoryOutboxRepository();
const ofMemory = createOutbox({ repository: memory });
memory.transaction((own: MemoryTransaction) => ofMemory.add(own, draft));
// @ts-expect-error a transaction of something else
ofMemory.add(tx, draft);
createOutbox({ repository: memory, strict: false }).add(memory.client, draft);

// A service that takes an Outbox of its own transactions can be tested with the one in memory.
declare function placeOrder(outbox: Outbox<SomeTransaction>): Promise<void>;
placeOrder(createMemoryOutbox());
placeOrder(strict);
// @ts-expect-error an outbox of other transactions
placeOrder(ofMemory);

export { added };
