import { type EventAdministration, type InboxEvent, validateOptions } from "@omni-box/core";
import { createAdministration } from "./create-administration.js";
import { createStatements } from "./create-statements.js";
import { prismaDefaults } from "./defaults.js";
import { createPostgresqlAdministrationDialect } from "./postgresql/administration/create-administration-dialect.js";
import { readInboxRow } from "./postgresql/event-columns.js";
import { inboxTable } from "./postgresql/event-table.js";
import { qualifyTable } from "./postgresql/qualify-table.js";
import { administrationArguments, type PrismaAdministrationOptions } from "./prisma-administration-options.js";
import type { PrismaClientLike } from "./prisma-client-like.js";

/**
 * Creates the administration of an inbox over a Prisma 7 client for PostgreSQL: what people, the command line and maintenance do
 * with stored events. Each operation is one SQL statement, and times are compared on the database's clock.
 *
 * Its role needs the rights to SELECT, UPDATE and DELETE on `inbox_event`, and to SELECT on `inbox_bucket` and `inbox_worker`.
 *
 * @param client - the application's client, extended or not, but not a transaction
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function createPrismaInboxAdministration(
  client: PrismaClientLike,
  options: PrismaAdministrationOptions = {},
): EventAdministration<InboxEvent> {
  const checked = validateOptions("createPrismaInboxAdministration", administrationArguments, { client, options });
  const { schema, statementTimeoutMs: timeoutMs } = checked.options;
  const { maxUnanswered, unansweredForMs } = prismaDefaults;
  const dialect = createPostgresqlAdministrationDialect({
    table: inboxTable(schema),
    bucket: qualifyTable(schema, "inbox_bucket"),
    worker: qualifyTable(schema, "inbox_worker"),
    readEvent: readInboxRow,
  });
  return createAdministration(dialect, createStatements(client, { timeoutMs, maxUnanswered, unansweredForMs }));
}
