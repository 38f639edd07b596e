import {
  type BaseEvent,
  type ClaimRequest,
  type DueQuery,
  type EventRef,
  type FailedRow,
  type Fence,
  type LeaseFence,
  type LeaseRequest,
  OmniBoxError,
  type PendingRow,
} from "@omni-box/core";
import type { EventDialect, StoredRow } from "../event-dialect.js";
import { claimSql, conditionsKey, type DueConditions, filterValues, findDueSql } from "./due-sql.js";
import type { EventTable } from "./event-table.js";
import { type FenceSql, fenceValues, isStillPending, leaseFenceSql } from "./fence-sql.js";
import {
  extendLeaseSql,
  failedRowsJson,
  pendingRowsJson,
  recordCompletedSql,
  recordFailedSql,
  recordPendingSql,
  seqsOf,
} from "./outcome-sql.js";

/** What the SQL depends on. */
export interface EventDialectOptions<E extends BaseEvent> {
  readonly table: EventTable;
  readonly onCompleted: "delete" | "keep";
  readonly readEvent: (row: StoredRow) => E;
  /** Default: none, since there are no buckets to own. */
  readonly bucketFence?: FenceSql;
}

/** What outbox and inbox share, in PostgreSQL's SQL. No statement relies on session state, so all work behind PgBouncer in transaction mode. */
export function createPostgresqlEventDialect<E extends BaseEvent>(options: EventDialectOptions<E>): EventDialect<E> {
  const { table, onCompleted, readEvent, bucketFence } = options;
  const { name } = table;
  const columns = table.columns.join(", ");
  const findById = `SELECT ${columns} FROM ${name} WHERE id = $1::uuid`;
  const lock = `
    UPDATE ${name} AS event
    SET lease_token = $2::uuid,
        lease_until = statement_timestamp() + $3::double precision * interval '1 millisecond',
        locked_by = $4::text
    WHERE id = $1::uuid AND ${isStillPending} AND (lease_until IS NULL OR lease_until <= statement_timestamp())
    RETURNING ${columns}`;
  const forceUnlock = `
    UPDATE ${name} AS event
    SET lease_token = NULL, lease_until = NULL, locked_by = NULL, last_error = $2::text
    WHERE id = $1::uuid AND ${isStillPending}
    RETURNING ${columns}`;
  const findDue = perConditions((conditions) => findDueSql(table, conditions));
  const claim = perConditions((conditions) => claimSql(table, conditions));
  const extendLease = extendLeaseSql(name, leaseFenceSql);
  const recordCompleted = perFence(bucketFence, (fence) => recordCompletedSql(name, fence, onCompleted));
  const recordPending = perFence(bucketFence, (fence) => recordPendingSql(name, fence));
  const recordFailed = perFence(bucketFence, (fence) => recordFailedSql(name, fence));

  return {
    findById: (id: string) => ({ sql: findById, values: [id] }),
    findDue: (query: DueQuery) => ({
      sql: findDue(query),
      values: [query.limit, ...filterValues(table, query.filters)],
    }),
    claim: (request: ClaimRequest) => ({
      sql: claim(request),
      values: [
        request.limit,
        request.token,
        request.leaseMs,
        request.workerId,
        ...filterValues(table, request.filters),
      ],
    }),
    lock: (id: string, { token, leaseMs, workerId }: LeaseRequest) => ({
      sql: lock,
      values: [id, token, leaseMs, workerId],
    }),
    forceUnlock: (id: string, reason: string) => ({ sql: forceUnlock, values: [id, reason] }),
    readEvent,
    extendLease: (fence: LeaseFence, rows: readonly EventRef[], leaseMs: number) => ({
      sql: extendLease,
      values: [seqsOf(rows), ...fenceValues(fence), leaseMs],
    }),
    recordCompleted: (fence: Fence, rows: readonly EventRef[]) => ({
      sql: recordCompleted(fence),
      values: [seqsOf(rows), ...fenceValues(fence)],
    }),
    recordPending: (fence: Fence, rows: readonly PendingRow[]) => ({
      sql: recordPending(fence),
      values: [pendingRowsJson(rows), ...fenceValues(fence)],
    }),
    recordFailed: (fence: Fence, rows: readonly FailedRow[]) => ({
      sql: recordFailed(fence),
      values: [failedRowsJson(rows), ...fenceValues(fence)],
    }),
  };
}

/** Builds a statement once for each kind of fence. */
export function perFence(
  bucketFence: FenceSql | undefined,
  build: (fence: FenceSql) => string,
): (fence: Fence) => string {
  const lease = build(leaseFenceSql);
  const buckets = bucketFence && build(bucketFence);
  return ({ kind }) => {
    if (kind === "lease") return lease;
    if (buckets !== undefined) return buckets;
    throw new OmniBoxError("CONFIG.UNSUPPORTED_CAPABILITY", "the events of this repository are in no buckets to own");
  };
}

/** Builds a statement once for each combination of conditions. */
function perConditions(build: (conditions: DueConditions) => string): (conditions: DueConditions) => string {
  const built = new Map<string, string>();
  return (conditions) => {
    const key = conditionsKey(conditions);
    const sql = built.get(key) ?? build(conditions);
    built.set(key, sql);
    return sql;
  };
}
