import type { AcquireRequest, BucketFence, BucketReadRequest, EventRef } from "@omni-box/core";
import type { BucketDialect } from "../bucket-dialect.js";
import {
  acquireSql,
  leaveSql,
  makeGroupSql,
  markCleanSql,
  type OwnershipTables,
  releaseSql,
  renewSql,
  surveySql,
} from "./bucket-ownership-sql.js";
import { failedHeadsSql, headStatesSql, readBucketsSql } from "./bucket-read-sql.js";
import { endSchedulesSql } from "./end-schedules-sql.js";
import type { EventTable } from "./event-table.js";
import { type FenceSql, fenceValues } from "./fence-sql.js";
import { bigintArray, recordStartedSql } from "./outcome-sql.js";

/** What the SQL depends on. */
export interface BucketDialectOptions extends Omit<OwnershipTables, "isGrouped"> {
  readonly table: EventTable;
  readonly fence: FenceSql;
}

/** Owned buckets in PostgreSQL's SQL. No statement relies on session state, so all work behind PgBouncer in transaction mode. */
export function createPostgresqlBucketDialect(options: BucketDialectOptions): BucketDialect {
  return bucketDialects({ ...options, isGrouped: false })([], null);
}

/** The same for a table whose consumer groups have buckets of their own, `bucketCount` each. */
export function createPostgresqlGroupBucketDialects(
  options: BucketDialectOptions & { readonly bucketCount: number },
): (consumerGroup: string) => BucketDialect {
  const grouped = { ...options, isGrouped: true };
  const dialectOf = bucketDialects(grouped);
  const make = makeGroupSql(grouped);
  const { bucketCount } = options;
  return (consumerGroup) => {
    const statement = { sql: make, values: [consumerGroup, bucketCount] };
    return dialectOf([consumerGroup], { statement, bucketCount });
  };
}

/** Builds the statements once. Where there are groups, `group` is the last value of most of them. */
function bucketDialects(
  options: BucketDialectOptions & OwnershipTables,
): (group: readonly string[], toMake: BucketDialect["toMake"]) => BucketDialect {
  const { table, fence: fenceSql } = options;
  const renew = renewSql(options);
  const survey = surveySql(options);
  const acquire = acquireSql(options);
  const release = releaseSql(options);
  const leave = leaveSql(options);
  const markClean = markCleanSql(options);
  const read = readBucketsSql(table, "events");
  const peek = readBucketsSql(table, "heads");
  const headStates = headStatesSql(table);
  const failedHeads = failedHeadsSql(table);
  const endSchedules = endSchedulesSql(table, fenceSql);
  const recordStarted = recordStartedSql(table.name, fenceSql);

  const readValues = ({ from, limit, exceptSeqs, exceptKeys }: BucketReadRequest) => [
    from.map(({ bucket }) => bucket),
    from.map(({ afterSeq }) => afterSeq),
    from.map((position) => position.limit),
    limit,
    bigintArray(exceptSeqs),
    exceptKeys,
  ];

  return (group, toMake) => ({
    toMake,
    renew: (fence: BucketFence, leaseMs: number) => ({
      sql: renew,
      values: [...fenceValues(fence), leaseMs, ...group],
    }),
    survey: (graceMs: number) => ({ sql: survey, values: [graceMs, ...group] }),
    acquire: ({ owner, leaseMs, graceMs, limit }: AcquireRequest) => ({
      sql: acquire,
      values: [owner, leaseMs, graceMs, limit, ...group],
    }),
    release: (fence: BucketFence) => ({ sql: release, values: [...fenceValues(fence), ...group] }),
    leave: (owner: string) => ({ sql: leave, values: [owner, ...group] }),
    markClean: (fence: BucketFence) => ({ sql: markClean, values: [...fenceValues(fence), ...group] }),
    read: (request: BucketReadRequest) => ({ sql: read, values: [...readValues(request), ...group] }),
    peek: (request: BucketReadRequest) => ({ sql: peek, values: [...readValues(request), ...group] }),
    headStates: (seqs: readonly bigint[]) => ({ sql: headStates, values: [seqs] }),
    failedHeads: (buckets: readonly number[]) => ({ sql: failedHeads, values: [buckets, ...group] }),
    endSchedules: (fence: BucketFence, limit: number) => ({
      sql: endSchedules,
      values: [limit, ...fenceValues(fence)],
    }),
    recordStarted: (fence: BucketFence, { seq }: EventRef, startedAttempts: number) => ({
      sql: recordStarted,
      values: [[seq], ...fenceValues(fence), startedAttempts],
    }),
  });
}
