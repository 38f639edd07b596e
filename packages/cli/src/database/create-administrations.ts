import type { EventAdministration, InboxEvent, OutboxEvent } from "@omni-box/core";
import { createPrismaInboxAdministration, createPrismaOutboxAdministration } from "@omni-box/prisma";
import type { PrismaClient } from "../generated/client.js";

/** What commands do with stored events goes through these. */
export interface Administrations {
  readonly outbox: EventAdministration<OutboxEvent>;
  readonly inbox: EventAdministration<InboxEvent>;
}

export function createAdministrations(client: PrismaClient, schema: string | undefined): Administrations {
  return {
    outbox: createPrismaOutboxAdministration(client, { schema }),
    inbox: createPrismaInboxAdministration(client, { schema }),
  };
}
