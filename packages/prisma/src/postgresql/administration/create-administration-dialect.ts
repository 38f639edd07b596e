import type { BaseEvent } from "@omni-box/core";
import type { AdministrationDialect } from "../../administration-dialect.js";
import type { StoredRow } from "../../event-dialect.js";
import { blockedKeysSql } from "./blocked-keys-sql.js";
import { changeEventsStatement } from "./change-sql.js";
import {
  deadLetterRowsJson,
  recordDeadLetteredSql,
  recordDeadLetterFailedSql,
  takeDeadLettersStatement,
} from "./dead-letter-sql.js";
import { findAdministeredSql, listStatement } from "./list-sql.js";
import { releaseExpiredLeasesSql, removeOldStatement } from "./maintenance-sql.js";
import { type CountedTables, statisticsStatement } from "./statistics-sql.js";

/** What the SQL depends on. */
export interface AdministrationDialectOptions<E extends BaseEvent> extends CountedTables {
  readonly readEvent: (row: StoredRow) => E;
}

/** The administration in PostgreSQL's SQL. No statement relies on session state, so all work behind PgBouncer in transaction mode. */
export function createPostgresqlAdministrationDialect<E extends BaseEvent>(
  options: AdministrationDialectOptions<E>,
): AdministrationDialect<E> {
  const { table, readEvent } = options;
  const find = findAdministeredSql(table);
  const blockedKeys = blockedKeysSql(table);
  const releaseExpiredLeases = releaseExpiredLeasesSql(table);
  const recordDeadLettered = recordDeadLetteredSql(table);
  const recordDeadLetterFailed = recordDeadLetterFailedSql(table);
  return {
    readEvent,
    list: (query) => listStatement(table, query),
    find: (id) => ({ sql: find, values: [id] }),
    change: (change, request) => changeEventsStatement(table, change, request),
    blockedKeys: (limit, consumerGroup) => ({ sql: blockedKeys, values: [limit, consumerGroup ?? null] }),
    statistics: (countLimit, consumerGroup) => statisticsStatement(options, countLimit, consumerGroup),
    removeOld: (request) => removeOldStatement(table, request),
    releaseExpiredLeases: (limit) => ({ sql: releaseExpiredLeases, values: [limit] }),
    takeDeadLetters: (request) => takeDeadLettersStatement(table, request),
    recordDeadLettered: (rows) => ({ sql: recordDeadLettered, values: [deadLetterRowsJson(rows)] }),
    recordDeadLetterFailed: (rows) => ({ sql: recordDeadLetterFailed, values: [deadLetterRowsJson(rows)] }),
  };
}
