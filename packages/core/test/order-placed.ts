import { z } from "zod";
import { defineEvent } from "../src/events/define-event.js";
import type { EventMigration } from "../src/events/event-migration.js";

/** A version of order.placed, to be routed. */
export function orderPlaced(version: string, migrations: readonly EventMigration[] = [], topic = "orders") {
  return defineEvent({
    type: "order.placed",
    topic,
    aggregateType: "order",
    version,
    schema: z.looseObject({ orderId: z.string() }),
    migrations,
  });
}

/** A migration that writes its name into `path`. */
export function step(from: string, to: string): EventMigration {
  return { from, to, migrate: (old) => ({ ...old, path: `${old.path ?? ""}${from}>${to} ` }) };
}
