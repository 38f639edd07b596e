import type { EventTable } from "../event-table.js";

/** When an event is due, in the words of the indexes that claims use. */
const dueAt = "coalesce(event.next_attempt_at, event.scheduled_at, event.created_at)";

/** The condition, always true, and the order by which the index is walked: sub-selects keep the planner from judging by statistics, as in claims. */
const inOrder = `AND ${dueAt} BETWEEN (SELECT '-infinity'::timestamptz) AND (SELECT 'infinity'::timestamptz)
        ORDER BY ${dueAt}, event.seq`;

/**
 * Common table expressions, the last of which is `near`: pending events that have been due longest, or will be due first, with their
 * `seq`, `due_at` and `lease_until`. No more are looked at, however many there are.
 *
 * The index of an inbox begins with the consumer group, so each group is found by one step through it, and asked by itself.
 *
 * @param limit - the parameter with their number
 * @param group - the parameter with the group; `null`: all groups. In an outbox no event is of any group
 */
export function dueLongestCtes({ name, groupColumn }: EventTable, limit: string, group: string | null): string {
  const pending = `FROM ${name} AS event WHERE event.status = 'pending'`;
  const near = (ofGroup: string) => `SELECT event.seq, ${dueAt} AS due_at, event.lease_until
        ${pending}${ofGroup}
          ${inOrder}
        LIMIT (SELECT ${limit})`;
  if (groupColumn === null) return `near AS MATERIALIZED (\n        ${near(group === null ? "" : " AND false")}\n    )`;
  const next = (after: string) =>
    `SELECT event.${groupColumn} ${pending}${after} ORDER BY event.${groupColumn} LIMIT 1`;
  const groups =
    group === null
      ? `(${next("")})
      UNION ALL
      SELECT following.* FROM groups CROSS JOIN LATERAL (
        ${next(` AND event.${groupColumn} > groups.${groupColumn}`)}
      ) AS following`
      : `SELECT ${group} AS ${groupColumn}`;
  return `groups AS (
      ${groups}
    ), near AS MATERIALIZED (
      SELECT found.* FROM groups CROSS JOIN LATERAL (
        ${near(` AND event.${groupColumn} = groups.${groupColumn}`)}
      ) AS found
      LIMIT (SELECT ${limit})
    )`;
}

/**
 * Behind {@link dueLongestCtes}: when the pending event is due that is due first. Of several groups `near` may hold those of the first
 * ones alone, so each is asked for its own first event.
 */
export function dueFirstSql({ name, groupColumn }: EventTable): string {
  if (groupColumn === null) return "(SELECT min(near.due_at) FROM near)";
  return `(SELECT min(first.due_at) FROM groups CROSS JOIN LATERAL (
        SELECT ${dueAt} AS due_at FROM ${name} AS event
        WHERE event.status = 'pending' AND event.${groupColumn} = groups.${groupColumn} ${inOrder}
        LIMIT (SELECT 1)
      ) AS first)`;
}
