import type {
  ClaimRequest,
  DueQuery,
  EventRef,
  FailedRow,
  Fence,
  FetchFilters,
  LeaseFence,
  LeaseRequest,
  OutboxEventDraft,
  PendingRow,
} from "@omni-box/core";
import type { OutboxDialect, StoredRow, StoreSetting } from "../outbox-dialect.js";
import type { Statement } from "../statement.js";
import { addSql, bindDrafts } from "./add-statement.js";
import { claimSql, filterKey, filterValues, findDueSql } from "./due-sql.js";
import { type EventRow, eventColumns, readEventRow } from "./event-columns.js";
import { fenceValues, isStillPending, leaseFenceSql } from "./fence-sql.js";
import {
  extendLeaseSql,
  failedRowsJson,
  pendingRowsJson,
  recordCompletedSql,
  recordFailedSql,
  recordPendingSql,
  seqsOf,
} from "./outcome-sql.js";
import { qualifyTable } from "./qualify-table.js";

/** What the SQL depends on. */
export interface PostgresqlDialectOptions {
  readonly schema: string | undefined;
  readonly onPublished: "delete" | "keep";
}

/** The outbox in PostgreSQL's SQL. No statement relies on session state, so all work behind PgBouncer in transaction mode. */
export function createPostgresqlDialect({ schema, onPublished }: PostgresqlDialectOptions): OutboxDialect {
  const table = qualifyTable(schema, "outbox_event");
  const settingTable = qualifyTable(schema, "outbox_setting");
  const columns = eventColumns.join(", ");
  const add = addSql({ event: table, setting: settingTable });
  const setting: Statement = {
    sql: `SELECT bucket_count, hash_version FROM ${settingTable} WHERE id = 1`,
    values: [],
  };
  const findById = `SELECT ${columns} FROM ${table} WHERE id = $1::uuid`;
  const lock = `
    UPDATE ${table} AS event
    SET lease_token = $2::uuid,
        lease_until = statement_timestamp() + $3::double precision * interval '1 millisecond',
        locked_by = $4::text
    WHERE id = $1::uuid AND ${isStillPending} AND (lease_until IS NULL OR lease_until <= statement_timestamp())
    RETURNING ${columns}`;
  const forceUnlock = `
    UPDATE ${table} AS event
    SET lease_token = NULL, lease_until = NULL, locked_by = NULL, last_error = $2::text
    WHERE id = $1::uuid AND ${isStillPending}
    RETURNING ${columns}`;
  const findDue = perFilter((filters) => findDueSql(table, filters));
  const claim = perFilter((filters) => claimSql(table, filters));
  const extendLease = extendLeaseSql(table, leaseFenceSql);
  const recordCompleted = recordCompletedSql(table, leaseFenceSql, onPublished);
  const recordPending = recordPendingSql(table, leaseFenceSql);
  const recordFailed = recordFailedSql(table, leaseFenceSql);

  return {
    add: (drafts: readonly OutboxEventDraft[], expected: StoreSetting) => bindDrafts(add, drafts, expected),
    setting: () => setting,
    findById: (id: string) => ({ sql: findById, values: [id] }),
    findDue: ({ limit, filters }: DueQuery) => ({ sql: findDue(filters), values: [limit, ...filterValues(filters)] }),
    claim: ({ limit, token, leaseMs, workerId, filters }: ClaimRequest) => ({
      sql: claim(filters),
      values: [limit, token, leaseMs, workerId, ...filterValues(filters)],
    }),
    lock: (id: string, { token, leaseMs, workerId }: LeaseRequest) => ({
      sql: lock,
      values: [id, token, leaseMs, workerId],
    }),
    forceUnlock: (id: string, reason: string) => ({ sql: forceUnlock, values: [id, reason] }),
    readEvent: (row: StoredRow) => readEventRow(row as unknown as EventRow),
    extendLease: (fence: LeaseFence, rows: readonly EventRef[], leaseMs: number) => ({
      sql: extendLease,
      values: [seqsOf(rows), ...fenceValues(fence), leaseMs],
    }),
    recordCompleted: (fence: Fence, rows: readonly EventRef[]) => ({
      sql: recordCompleted,
      values: [seqsOf(rows), ...fenceValues(fence)],
    }),
    recordPending: (fence: Fence, rows: readonly PendingRow[]) => ({
      sql: recordPending,
      values: [pendingRowsJson(rows), ...fenceValues(fence)],
    }),
    recordFailed: (fence: Fence, rows: readonly FailedRow[]) => ({
      sql: recordFailed,
      values: [failedRowsJson(rows), ...fenceValues(fence)],
    }),
  };
}

/** Builds a statement once for each combination of filters. */
function perFilter(
  build: (filters: FetchFilters | undefined) => string,
): (filters: FetchFilters | undefined) => string {
  const built = new Map<string, string>();
  return (filters) => {
    const key = filterKey(filters);
    const sql = built.get(key) ?? build(filters);
    built.set(key, sql);
    return sql;
  };
}
