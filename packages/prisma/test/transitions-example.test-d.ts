import type { PrismaClient } from "./generated/client.js";

declare const prisma: PrismaClient;
declare const ticketId: number;
declare const requestId: string;

// #region event
import { defineEvent, stateTransitionSchema } from "@omni-box/core";
import { TicketState } from "./generated/enums.js";

export const TicketStateChanged = defineEvent({
  type: "ticket.state-changed",
  version: "1.0.0",
  topic: "tickets",
  aggregateType: "ticket",
  schema: stateTransitionSchema(Object.values(TicketState)), // or a list: ["OPEN", "WORK", "CLOSED"]
});

// #endregion event

// #region client
import { createOutbox } from "@omni-box/core";
import { createPrismaOutboxRepository, defineTransition, omniBox } from "@omni-box/prisma";

const ticketState = defineTransition({
  model: prisma.testTicket,
  stateField: "state",
  versionField: "version", // if the model has one
  event: TicketStateChanged,
});

const outbox = createOutbox({ repository: createPrismaOutboxRepository(prisma) });
export const client = prisma.$extends(omniBox({ outbox, transitions: [ticketState] }));

// #endregion client

// #region change
await client.$transaction(async (tx) => {
  await tx.testTicket.update({
    where: { id: ticketId },
    data: { state: "WORK", version: { increment: 1 } },
  });
});

// In the outbox now: { aggregateType: "ticket", aggregateId: "7", fromState: "OPEN", toState: "WORK", version: 2 }

// #endregion change

// #region consume
import { createEventRouter } from "@omni-box/core";

const router = createEventRouter().on(TicketStateChanged, async ({ payload }) => {
  if (payload.toState === "CLOSED") console.log(`ticket ${payload.aggregateId} is done`);
});

// #endregion consume

// #region context
import { AsyncLocalStorage } from "node:async_hooks";
import type { EventContext } from "@omni-box/core";

const surroundings = new AsyncLocalStorage<EventContext>();

const tellingOutbox = createOutbox({
  repository: createPrismaOutboxRepository(prisma),
  context: () => surroundings.getStore(),
});

// For a request, in a middleware; for a received event: { correlationId: event.correlationId ?? undefined, causationId: event.id }
await surroundings.run({ correlationId: requestId }, async () => {
  await client.$transaction((tx) => tx.testTicket.updateMany({ data: { state: "CLOSED" } }));
});

// #endregion context

export { router, tellingOutbox };
