import {
  type AddedEvent,
  createOutbox,
  createOutboxRelay,
  defineEvent,
  type EventPublisher,
  type InboxEventRepository,
  type Outbox,
} from "@omni-box/core";
import {
  applyOmniBoxMigrations,
  createPrismaInboxRepository,
  createPrismaModelOutboxRepository,
  createPrismaOutboxRepository,
  omniBox,
} from "@omni-box/prisma";
import { z } from "zod";
import type { OutboxEventRecord } from "../src/prisma-model-client-like.js";
import type { OutboxEvent as GeneratedOutboxEvent, Prisma, PrismaClient } from "./generated/client.js";

declare const prisma: PrismaClient;
declare const publisher: EventPublisher;

const OrderPlaced = defineEvent({
  type: "order.placed",
  version: "1.0.0",
  topic: "orders",
  aggregateType: "order",
  schema: z.object({ orderId: z.string() }),
});
const event = OrderPlaced.create({ aggregateId: "1", payload: { orderId: "1" } });

// A generated client and its transactions, no generic written by hand.
const repository = createPrismaOutboxRepository(prisma);
const outbox = createOutbox({ repository });
createOutboxRelay({ repository, publisher });
await applyOmniBoxMigrations(prisma);
await prisma.$transaction(async (tx) => {
  const added: readonly AddedEvent[] = await outbox.add(tx, event);
  await outbox.add(tx, [event], { correlationId: "c" });
  await tx.$transaction(async (nested) => outbox.add(nested, event));
  return added;
});
async function passedOn(tx: Prisma.TransactionClient) {
  await outbox.add(tx, event);
}
await prisma.$transaction(passedOn);

// @ts-expect-error the client itself is no transaction
await outbox.add(prisma, event);
// @ts-expect-error a transaction cannot be the repository's client
await prisma.$transaction(async (tx) => createPrismaOutboxRepository(tx));
// @ts-expect-error options are checked
createPrismaOutboxRepository(prisma, { onPublished: "archive" });

// Not strict: both.
const lenient = createOutbox({ repository, strict: false });
await lenient.add(prisma, event);
await prisma.$transaction(async (tx) => lenient.add(tx, event));

// Extended clients.
const extended = prisma
  .$extends({ client: { $hello: () => "hello" } })
  .$extends({ result: { testOrder: { euros: { needs: { totalCents: true }, compute: (o) => o.totalCents / 100 } } } })
  .$extends({ query: { $allOperations: ({ args, query }) => query(args) } });
const extendedRepository = createPrismaOutboxRepository(extended);
const extendedOutbox = createOutbox({ repository: extendedRepository });
await extended.$transaction(async (tx) => {
  await extendedOutbox.add(tx, event);
  // Made from the plain client, used in a transaction of the extended one.
  await outbox.add(tx, event);
});
// @ts-expect-error the extended client is no transaction either
await extendedOutbox.add(extended, event);

// The client extension, alone and between others.
const withOutbox = prisma.$extends(omniBox({ outbox }));
await withOutbox.$transaction(async (tx) => {
  const order = await tx.testOrder.create({ data: { customer: "Ada", totalCents: 100 } });
  const total: number = order.totalCents;
  const added: readonly AddedEvent[] = await tx.$outbox.add(event, { headers: { total: String(total) } });
  await tx.$transaction(async (nested) => nested.$outbox.add([event]));
  await outbox.add(tx, event);
  // @ts-expect-error a payload alone is no event
  await tx.$outbox.add({ orderId: "1" });
  return added;
});
const amongOthers = extended.$extends(omniBox({ outbox })).$extends({ client: { $bye: () => 1 } });
await amongOthers.$transaction(async (tx) => {
  await tx.$outbox.add(event);
  const hello: string = tx.$hello();
  const bye: number = tx.$bye();
  const order = await tx.testOrder.findFirstOrThrow();
  const euros: number = order.euros;
  return { hello, bye, euros };
});
createPrismaOutboxRepository(amongOthers);
// @ts-expect-error not a transaction
await outbox.add(amongOthers, event);

// The repository over the models.
const modelRepository = createPrismaModelOutboxRepository(prisma, { skipDuplicates: false });
const modelOutbox = createOutbox({ repository: modelRepository });
await prisma.$transaction(async (tx) => modelOutbox.add(tx, event));
createPrismaModelOutboxRepository(extended);
await extended.$transaction(async (tx) => modelOutbox.add(tx, event));
// @ts-expect-error the client itself is no transaction
await modelOutbox.add(prisma, event);

// The inbox: handlers get the transactions of the client that was given.
const inbox = createPrismaInboxRepository(prisma, { transaction: { isolationLevel: "Serializable" } });
const ofTheClient: InboxEventRepository<Prisma.TransactionClient> = inbox;
await inbox.transaction(
  async ({ client }) => {
    const order = await client.testOrder.create({ data: { customer: "Ada", totalCents: 1 } });
    await outbox.add(client, event);
    // @ts-expect-error a transaction has no $connect
    await client.$connect();
    return order.totalCents satisfies number;
  },
  { timeoutMs: 1_000 },
);
const outboxOfHandlers: Outbox<Prisma.TransactionClient> = outbox;
const extendedInbox = createPrismaInboxRepository(amongOthers);
await extendedInbox.transaction(
  async ({ client }) => {
    await client.$outbox.add(event);
    const order = await client.testOrder.findFirstOrThrow();
    return { euros: order.euros satisfies number, hello: client.$hello() satisfies string };
  },
  { timeoutMs: 1_000 },
);
// @ts-expect-error a transaction cannot be the repository's client
await prisma.$transaction(async (tx) => createPrismaInboxRepository(tx));
// @ts-expect-error PostgreSQL has no such level
createPrismaInboxRepository(prisma, { transaction: { isolationLevel: "Snapshot" } });

// The generated model holds what the repository reads; JSON columns and the status are wider in Prisma's types.
type Narrowed = "payload" | "headers" | "status";
declare const model: GeneratedOutboxEvent;
const record: Omit<OutboxEventRecord, Narrowed> = model;
const narrowed: Readonly<Record<Narrowed, unknown>> = model;

export { narrowed, ofTheClient, outboxOfHandlers, record };
