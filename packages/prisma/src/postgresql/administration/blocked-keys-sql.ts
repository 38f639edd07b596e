import { limits } from "@omni-box/core";
import type { EventTable } from "../event-table.js";
import { isFailedSql } from "./is-failed-sql.js";

/** One row of the answer. */
export interface BlockedKeyRow {
  readonly partition_key: string;
  readonly consumer_group: string | null;
  readonly bucket: number;
  readonly id: string;
  readonly seq: bigint;
  readonly event_type: string;
  readonly last_error: string | null;
  readonly since: Date;
  readonly waiting: number;
}

/**
 * Lists the earliest failed event of each key. `$1` the limit, `$2` the group or null.
 *
 * An outbox has no index on pending keys, which every `add` would pay for. So the events behind the heads are counted by reading on
 * in their buckets, each bucket once for all of its keys, and not far: what 200,000 events wait behind takes no longer than 10,000.
 */
export function blockedKeysSql({ name, groupColumn }: EventTable): string {
  const group = groupColumn === null ? "NULL::text" : `event.${groupColumn}`;
  const sameGroup = (row: string, other: string) =>
    groupColumn === null ? "" : `AND ${row}.${groupColumn} = ${other}.${groupColumn}`;
  return `
    WITH heads AS MATERIALIZED (
      SELECT event.seq, event.id, event.event_type, event.last_error, event.bucket, event.partition_key,
             ${group} AS consumer_group, coalesce(event.failed_at, event.created_at) AS since
      FROM ${name} AS event
      WHERE ${isFailedSql} ${groupColumn === null ? "AND $2::text IS NULL" : `AND ($2::text IS NULL OR event.${groupColumn} = $2::text)`}
        -- As a range of one value and ordered by it, so that only the index on failed keys fits.
        AND event.seq = (
          SELECT earliest.seq FROM ${name} AS earliest
          WHERE earliest.status = 'failed' ${sameGroup("earliest", "event")} AND earliest.bucket = event.bucket
            AND earliest.partition_key BETWEEN event.partition_key AND event.partition_key
          ORDER BY earliest.partition_key, earliest.seq LIMIT 1
        )
      ORDER BY event.seq
      LIMIT $1::integer
    ), behind AS (
      SELECT first.consumer_group, first.bucket, pending.partition_key, pending.seq
      FROM (
        SELECT heads.consumer_group, heads.bucket, min(heads.seq) AS seq FROM heads GROUP BY heads.consumer_group, heads.bucket
      ) AS first
      CROSS JOIN LATERAL (
        SELECT event.partition_key, event.seq
        FROM ${name} AS event
        WHERE event.status = 'pending' AND event.scheduled_at IS NULL ${sameGroup("event", "first")}
          -- As rows, as reads of buckets have it: the planner must not walk the primary key.
          AND event.bucket BETWEEN first.bucket AND first.bucket
          AND (event.bucket, event.seq) > (first.bucket, first.seq)
        ORDER BY event.bucket, event.seq
        LIMIT ${limits.waitingLookMax}
      ) AS pending
      -- IS TRUE keeps the planner from making it a join. So the keys are hashed once, whatever it expects.
      WHERE (pending.partition_key IN (SELECT heads.partition_key FROM heads)) IS TRUE
    ), counted AS MATERIALIZED (
      -- Sorted, not joined: of what was just read there are no statistics, and compared with each head in turn 300,000 events took
      -- minutes.
      SELECT known.head_seq, count(*)::integer AS waiting
      FROM (
        SELECT event.seq, max(event.head_seq) OVER (PARTITION BY event.consumer_group, event.bucket, event.partition_key) AS head_seq
        FROM (
          SELECT consumer_group, bucket, partition_key, seq, seq AS head_seq FROM heads
          UNION ALL
          SELECT consumer_group, bucket, partition_key, seq, NULL FROM behind
        ) AS event
      ) AS known
      WHERE known.seq > known.head_seq
      GROUP BY known.head_seq
    )
    SELECT heads.*, coalesce(counted.waiting, 0) AS waiting
    FROM heads LEFT JOIN counted ON counted.head_seq = heads.seq
    ORDER BY heads.seq`;
}
