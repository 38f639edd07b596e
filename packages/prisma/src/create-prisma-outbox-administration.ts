import { type EventAdministration, type OutboxEvent, validateOptions } from "@omni-box/core";
import { createAdministration } from "./create-administration.js";
import { createStatements } from "./create-statements.js";
import { prismaDefaults } from "./defaults.js";
import { createPostgresqlAdministrationDialect } from "./postgresql/administration/create-administration-dialect.js";
import { readOutboxRow } from "./postgresql/event-columns.js";
import { outboxTable } from "./postgresql/event-table.js";
import { qualifyTable } from "./postgresql/qualify-table.js";
import { administrationArguments, type PrismaAdministrationOptions } from "./prisma-administration-options.js";
import type { PrismaClientLike } from "./prisma-client-like.js";

/**
 * Creates the administration of an outbox over a Prisma 7 client for PostgreSQL: what people, the command line and maintenance do
 * with stored events. Each operation is one SQL statement, and times are compared on the database's clock.
 *
 * Its role needs the rights to SELECT, UPDATE and DELETE on `outbox_event`, and to SELECT on `outbox_bucket` and `outbox_worker`.
 *
 * @param client - the application's client, extended or not, but not a transaction
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function createPrismaOutboxAdministration(
  client: PrismaClientLike,
  options: PrismaAdministrationOptions = {},
): EventAdministration<OutboxEvent> {
  const checked = validateOptions("createPrismaOutboxAdministration", administrationArguments, { client, options });
  const { schema, statementTimeoutMs: timeoutMs } = checked.options;
  const { maxUnanswered, unansweredForMs } = prismaDefaults;
  const dialect = createPostgresqlAdministrationDialect({
    table: outboxTable(schema),
    bucket: qualifyTable(schema, "outbox_bucket"),
    worker: qualifyTable(schema, "outbox_worker"),
    readEvent: readOutboxRow,
  });
  return createAdministration(dialect, createStatements(client, { timeoutMs, maxUnanswered, unansweredForMs }));
}
