import { createOutbox } from "@omni-box/core";
import {
  createPrismaInboxAdministration,
  createPrismaInboxRepository,
  createPrismaOutboxRepository,
  omniBox,
} from "@omni-box/prisma";
import { PrismaPg } from "@prisma/adapter-pg";
import { PrismaClient } from "./generated/client.js";

/**
 * Connects to a service's database, in a PostgreSQL schema of its own.
 *
 * The client carries the outbox: inside a transaction `tx.$outbox.add(event)` adds an event to it.
 */
export function openDatabase(url: string, schema: string) {
  const client = new PrismaClient({ adapter: new PrismaPg({ connectionString: url, max: 25 }, { schema }) });
  const repository = createPrismaOutboxRepository(client, { schema });
  const outbox = createOutbox({ repository });
  return {
    schema,
    client,
    repository,
    outbox,
    inbox: createPrismaInboxRepository(client, { schema }),
    inboxAdministration: createPrismaInboxAdministration(client, { schema }),
    prisma: client.$extends(omniBox({ outbox })),
  };
}

/** See {@link openDatabase}. */
export type Database = ReturnType<typeof openDatabase>;

/** The shop's database client, with the outbox inside. */
export type ShopClient = Database["prisma"];
