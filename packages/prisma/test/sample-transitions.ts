import {
  createOutbox,
  defineEvent,
  type EventContext,
  type StateTransition,
  stateTransitionSchema,
} from "@omni-box/core";
import { createPrismaOutboxRepository, defineTransition, omniBox, type Transition } from "@omni-box/prisma";
import type { PrismaClient } from "./generated/client.js";
import { TicketState } from "./generated/enums.js";
import type { TestDatabase } from "./open-test-database.js";

export const TicketStateChanged = defineEvent({
  type: "ticket.state-changed",
  version: "1.0.0",
  topic: "tickets",
  aggregateType: "ticket",
  schema: stateTransitionSchema(Object.values(TicketState)),
});

export const ParcelMoved = defineEvent({
  type: "parcel.moved",
  version: "1.0.0",
  topic: "parcels",
  aggregateType: "parcel",
  schema: stateTransitionSchema(["depot", "truck", "door", null]),
});

export const DeviceLevelChanged = defineEvent({
  type: "device.level-changed",
  version: "1.0.0",
  topic: "devices",
  aggregateType: "device",
  schema: stateTransitionSchema([0, 1, 2, 3]),
});

export interface WatchOptions {
  readonly includeCreations?: boolean;
  readonly context?: () => EventContext | undefined;
  readonly afterCommit?: () => unknown;
}

export function ticketTransition({ prisma, schema }: TestDatabase, includeCreations = false): Transition {
  return defineTransition({
    model: prisma.testTicket,
    stateField: "state",
    versionField: "version",
    event: TicketStateChanged,
    includeCreations,
    schema,
  });
}

/** A client on which the states of tickets, parcels and devices are watched. */
export function watchedClient(
  database: TestDatabase,
  options: WatchOptions = {},
  client: PrismaClient = database.prisma,
) {
  const { prisma, schema } = database;
  const { includeCreations = false, context, afterCommit } = options;
  const outbox = createOutbox({ repository: createPrismaOutboxRepository(prisma, { schema }), context });
  const parcel = defineTransition({
    model: prisma.testParcel,
    stateField: "place",
    idField: ["tenant", "number"],
    event: ParcelMoved,
    includeCreations,
    schema,
  });
  const device = defineTransition({
    model: prisma.testDevice,
    stateField: "level",
    versionField: "change",
    event: DeviceLevelChanged,
    includeCreations,
    schema,
  });
  const transitions = [ticketTransition(database, includeCreations), parcel, device];
  return client.$extends(omniBox({ outbox, transitions, afterCommit }));
}

export type WatchedClient = ReturnType<typeof watchedClient>;

/** What the outbox tells of states, oldest first. */
export async function told({ prisma }: TestDatabase): Promise<StateTransition[]> {
  const events = await prisma.outboxEvent.findMany({ orderBy: { seq: "asc" } });
  return events.map(({ payload }) => payload as unknown as StateTransition);
}

/** The same in short: `ticket 1: OPEN → WORK v2`. */
export async function toldInShort(database: TestDatabase): Promise<string[]> {
  return (await told(database)).map(({ aggregateType, aggregateId, fromState, toState, version }) => {
    const change = `${aggregateType} ${aggregateId}: ${String(fromState)} → ${String(toState)}`;
    return version === null ? change : `${change} v${version}`;
  });
}
