import type { EventTable } from "./event-table.js";
import type { FenceSql } from "./fence-sql.js";

/** The present, rounded as stored times are. */
const now = "statement_timestamp()::timestamptz(3)";

/**
 * Ends the schedules of pending events whose time has come, the earliest first. `$1` the limit, the fence's parameters follow; it
 * is that of owned buckets, whose lock on the buckets comes before all else.
 *
 * The earliest of each held bucket are found without their content, and of these the earliest of all. Rows that another
 * transaction has locked are passed over and left to a later call: outcomes lock theirs in another order, so waiting for each
 * other they would deadlock. Of the others the newest version decides, so what was ended, put off or settled is left alone.
 */
export function endSchedulesSql({ name, groupColumn }: EventTable, fence: FenceSql): string {
  const ofHeldGroup = groupColumn === null ? "" : `AND event.${groupColumn} = held.${groupColumn}`;
  return `
    WITH ${fence.with} earliest AS MATERIALIZED (
      SELECT found.seq
      FROM held
      CROSS JOIN LATERAL (
        SELECT event.seq, event.scheduled_at
        FROM ${name} AS event
        -- That the schedule is not null, as the index says, follows from the range; said twice, it would be counted twice.
        -- The range is behind sub-selects, like the limit, because the planner would judge it by statistics, which are always old.
        WHERE event.status = 'pending' AND event.bucket = held.bucket ${ofHeldGroup}
          AND event.scheduled_at BETWEEN (SELECT '-infinity'::timestamptz) AND (SELECT ${now})
        ORDER BY event.scheduled_at, event.seq
        LIMIT (SELECT $1::integer)
      ) AS found
      ORDER BY found.scheduled_at, found.seq
      LIMIT (SELECT $1::integer)
    ), locked AS MATERIALIZED (
      SELECT event.seq
      FROM ${name} AS event
      WHERE event.seq = ANY (ARRAY (SELECT earliest.seq FROM earliest))
        AND event.scheduled_at <= ${now} AND ${fence.condition}
      FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE ${name} AS event
    SET scheduled_at = NULL
    WHERE event.seq = ANY (ARRAY (SELECT locked.seq FROM locked))
    RETURNING event.bucket, event.seq`;
}
