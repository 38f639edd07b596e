import type { BucketOwner } from "@omni-box/core";
import type { Statement } from "../../statement.js";
import type { EventTable } from "../event-table.js";
import { dueFirstSql, dueLongestCtes } from "./due-longest-sql.js";
import { createParameters } from "./filter-sql.js";
import { isFailedSql } from "./is-failed-sql.js";

/** The tables that are counted in, qualified and quoted where they are no {@link EventTable}. */
export interface CountedTables {
  readonly table: EventTable;
  readonly bucket: string;
  readonly worker: string;
}

/** The only row of the answer. */
export interface StatisticsRow {
  readonly pending: number;
  readonly failed: number;
  readonly completed: number;
  readonly awaiting_dead_letter: number;
  readonly oldest_pending_ms: number | null;
  readonly blocked_keys: number;
  readonly expired_leases: number;
  readonly owners: readonly BucketOwner[];
  readonly unowned_buckets: number;
}

/**
 * Counts events, no further than the limit. Each count reads on in an index, in its order: without one the planner would read the
 * whole table where old statistics say that the rows are many.
 */
export function statisticsStatement(
  { table, bucket, worker }: CountedTables,
  countLimit: number,
  consumerGroup: string | undefined,
): Statement {
  const { name, groupColumn } = table;
  const parameters = createParameters();
  const limit = parameters.add(countLimit, "integer");
  const noGroups = groupColumn === null && consumerGroup !== undefined;
  const group = noGroups || consumerGroup === undefined ? null : parameters.add(consumerGroup, "text");
  const ofGroup = (row: string) =>
    noGroups ? "AND false" : group === null ? "" : `AND ${row}.${groupColumn} = ${group}`;
  const counted = (condition: string, order: string) =>
    `(SELECT count(*)::integer FROM (
        SELECT FROM ${name} AS event WHERE ${condition} ${ofGroup("event")} ORDER BY ${order} LIMIT (SELECT ${limit})
      ) AS counted)`;
  const inOneGroup = groupColumn === null ? "" : `AND bucket.${groupColumn} = worker.${groupColumn}`;
  const failedKey = [...(groupColumn === null ? [] : [groupColumn]), "bucket", "partition_key"];
  const failedKeys = failedKey.map((column) => `event.${column}`).join(", ");
  const sql = `
    WITH RECURSIVE ${dueLongestCtes(table, limit, noGroups ? "none" : group)}
    SELECT (SELECT count(*)::integer FROM near) AS pending,
           ${counted(isFailedSql, "event.seq")} AS failed,
           ${counted("event.status = 'completed'", "event.completed_at")} AS completed,
           ${counted(
             "event.status = 'failed' AND event.dead_lettered_at IS NULL",
             "coalesce(event.dead_letter_at, event.failed_at, event.created_at), event.seq",
           )} AS awaiting_dead_letter,
           (SELECT round(extract(epoch FROM statement_timestamp() - first.due_at) * 1000)::double precision
            FROM (SELECT ${dueFirstSql(table)} AS due_at) AS first WHERE first.due_at <= statement_timestamp()) AS oldest_pending_ms,
           (SELECT count(*)::integer FROM (
              SELECT DISTINCT ${failedKey.map((column) => `failed.${column}`).join(", ")} FROM (
                SELECT ${failedKeys} FROM ${name} AS event WHERE event.status = 'failed' ${ofGroup("event")}
                ORDER BY ${failedKeys} LIMIT (SELECT ${limit})
              ) AS failed
            ) AS blocked) AS blocked_keys,
           (SELECT count(*)::integer FROM near
            WHERE near.lease_until <= statement_timestamp()) AS expired_leases,
           (SELECT coalesce(jsonb_agg(jsonb_build_object(
              'id', owner.id, 'buckets', owner.buckets, 'leaseRemainingMs', owner.remaining_ms) ORDER BY owner.id), '[]')
            FROM (
              SELECT coalesce(worker.id, bucket.owner) AS id,
                     coalesce(array_agg(bucket.bucket ORDER BY bucket.bucket) FILTER (WHERE bucket.owner IS NOT NULL), '{}') AS buckets,
                     round(extract(epoch FROM max(greatest(worker.lease_until, bucket.lease_until)) - statement_timestamp()) * 1000)
                       AS remaining_ms
              FROM (SELECT * FROM ${worker} AS worker WHERE true ${ofGroup("worker")}) AS worker
              FULL JOIN (SELECT * FROM ${bucket} AS bucket WHERE bucket.owner IS NOT NULL ${ofGroup("bucket")}) AS bucket
                ON bucket.owner = worker.id ${inOneGroup}
              GROUP BY coalesce(worker.id, bucket.owner)
            ) AS owner) AS owners,
           (SELECT count(*)::integer FROM ${bucket} AS bucket
            WHERE (bucket.owner IS NULL OR bucket.lease_until <= statement_timestamp()) ${ofGroup("bucket")}) AS unowned_buckets`;
  return { sql, values: parameters.values };
}
