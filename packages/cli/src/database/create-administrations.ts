import type { EventAdministration, InboxEvent, OutboxEvent } from "@omni-box/core";
import { createPrismaInboxAdministration, createPrismaOutboxAdministration } from "@omni-box/prisma";
import { cliDefaults } from "../defaults.js";
import type { PrismaClient } from "../generated/client.js";

/** What commands do with stored events goes through these. */
export interface Administrations {
  readonly outbox: EventAdministration<OutboxEvent>;
  readonly inbox: EventAdministration<InboxEvent>;
}

export function createAdministrations(client: PrismaClient, schema: string | undefined): Administrations {
  // What people look for may be found by no index: they have more patience than a worker.
  const options = { schema, statementTimeoutMs: cliDefaults.queryTimeoutMs };
  return {
    outbox: createPrismaOutboxAdministration(client, options),
    inbox: createPrismaInboxAdministration(client, options),
  };
}
