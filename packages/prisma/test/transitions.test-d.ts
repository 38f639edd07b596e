import {
  createEventRouter,
  createOutbox,
  defineEvent,
  type EventOf,
  type StateTransition,
  stateTransitionSchema,
} from "@omni-box/core";
import { createPrismaOutboxRepository, defineTransition, omniBox, type Transition } from "@omni-box/prisma";
import { z } from "zod";
import type { PrismaClient } from "./generated/client.js";
import { TicketState } from "./generated/enums.js";

declare const prisma: PrismaClient;
const outbox = createOutbox({ repository: createPrismaOutboxRepository(prisma) });

const about = { version: "1", topic: "tickets", aggregateType: "ticket" } as const;
const event = defineEvent({
  ...about,
  type: "ticket.state-changed",
  schema: stateTransitionSchema(Object.values(TicketState)),
});

// The model says which fields there are, and what each can be used for; nothing is written as a generic.
const ticket: Transition = defineTransition({
  model: prisma.testTicket,
  stateField: "state",
  versionField: "version",
  event,
});
defineTransition({ model: prisma.testTicket, stateField: "state", idField: "reference", event });
// @ts-expect-error no such field
defineTransition({ model: prisma.testTicket, stateField: "phase", event });
// @ts-expect-error a relation is no state
defineTransition({ model: prisma.testTicket, stateField: "queue", event });
// @ts-expect-error nor is JSON
defineTransition({ model: prisma.testTicket, stateField: "note", event });
// @ts-expect-error a text is no version
defineTransition({ model: prisma.testTicket, stateField: "state", versionField: "reference", event });
// @ts-expect-error no such field
defineTransition({ model: prisma.testTicket, stateField: "state", idField: "key", event });
// @ts-expect-error no model
defineTransition({ model: prisma, stateField: "state", event });

// The event has to know every state that the model lists.
const narrow = defineEvent({ ...about, type: "ticket.ended", schema: stateTransitionSchema(["OPEN", "CLOSED"]) });
// @ts-expect-error it does not know WORK
defineTransition({ model: prisma.testTicket, stateField: "state", event: narrow });
const other = defineEvent({ ...about, type: "ticket.other", schema: z.object({ ticketId: z.string() }) });
// @ts-expect-error its payload is another one
defineTransition({ model: prisma.testTicket, stateField: "state", event: other });

// Any schema that accepts it will do.
const byZod = defineEvent({
  ...about,
  type: "ticket.by-zod",
  schema: z.object({
    aggregateId: z.string(),
    fromState: z.enum(TicketState).nullable(),
    toState: z.enum(TicketState),
  }),
});
defineTransition({ model: prisma.testTicket, stateField: "state", event: byZod });

// A text or a number lists no states; the schema does.
const places = stateTransitionSchema(["depot", "door", null]);
const moved = defineEvent({ ...about, type: "parcel.moved", schema: places });
defineTransition({ model: prisma.testParcel, stateField: "place", idField: ["tenant", "number"], event: moved });
// @ts-expect-error there is no field "id", so the ids have to be named
defineTransition({ model: prisma.testParcel, stateField: "place", event: moved });
// @ts-expect-error an empty list names no row
defineTransition({ model: prisma.testParcel, stateField: "place", idField: [], event: moved });
const levels = defineEvent({ ...about, type: "device.level", schema: stateTransitionSchema([0, 1, 2]) });
defineTransition({ model: prisma.testDevice, stateField: "level", versionField: "change", event: levels });

// Models of extended clients are models.
const extended = prisma
  .$extends({ result: { testTicket: { label: { needs: { id: true }, compute: ({ id }) => `ticket ${id}` } } } })
  .$extends({ client: { $hello: () => "hello" } });
defineTransition({ model: extended.testTicket, stateField: "state", versionField: "version", event });
// @ts-expect-error no such field there either
defineTransition({ model: extended.testTicket, stateField: "phase", event });

// The extension changes no type of the client.
const client = extended.$extends(omniBox({ outbox, transitions: [ticket] }));
await client.$transaction(async (tx) => {
  const updated = await tx.testTicket.update({ where: { id: 1 }, data: { state: "WORK" } });
  return [updated.state satisfies TicketState, updated.label satisfies string, tx.$hello() satisfies string];
});
// @ts-expect-error transitions are made by defineTransition
omniBox({ outbox, transitions: [{ model: "TestTicket" }] });

// A handler knows the states.
createEventRouter().on(event, (received: EventOf<typeof event>) => {
  const { fromState, toState, version } = received.payload satisfies StateTransition<TicketState>;
  const before: TicketState | null = fromState;
  const after: "OPEN" | "WORK" | "CLOSED" = toState;
  const counted: number | null = version;
  return void [before, after, counted];
});
