import type { EventTable } from "./event-table.js";

/** What of each event is read. */
export type BucketReadContent = "events" | "heads";

/** The backoff of an event is over, and nobody holds a lease on the single row. The present is rounded as stored times are. */
const isDue = `(event.next_attempt_at IS NULL OR event.next_attempt_at <= statement_timestamp()::timestamptz(3))
               AND (event.lease_until IS NULL OR event.lease_until <= statement_timestamp())`;

/** Narrows the events to the group that a parameter names, where there are groups. */
const inGroup = ({ groupColumn }: EventTable, parameter: string) =>
  groupColumn === null ? "" : `AND event.${groupColumn} = ${parameter}::text`;

/** The columns of an event without its content. */
const headColumns = ["seq", "id", "bucket", "partition_key", "attempts_made", "started_attempts"];

/**
 * Neither in hand, `$5`, nor of a key that waits, `$6`.
 *
 * The sub-selects depend on nothing, so each is hashed once, however many buckets are read. As one CASE it counts as one condition
 * that half of the rows fulfil. Several conditions, or values that its statistics know, make the planner expect next to nothing;
 * it then fetches and sorts whole buckets, because reading in order until the limit is reached seems to save nothing.
 */
const isWanted = `CASE WHEN event.seq IN (SELECT unnest($5::bigint[])) OR event.partition_key IN (SELECT unnest($6::text[]))
               THEN false ELSE true END`;

/**
 * The transactions that have locked the table for writing, each with a sign before its id: `-` when the statement's snapshot
 * certainly does not contain it, else `+`.
 *
 * An INSERT locks the table before it draws a `seq`, and its transaction lets go when it is visible. A lock is no part of a
 * snapshot: it is looked up while the statement runs, which is after its snapshot was taken. Between becoming visible and letting
 * go a session's id ends with a 0, set in the very step that makes the transaction visible; whoever has another number
 * had not ended when it was looked at, so the snapshot does not contain it. A prepared transaction has no session, and keeps its id.
 */
function openWritersSql({ name }: EventTable): string {
  return `
    SELECT ARRAY (
      SELECT CASE WHEN lock.pid IS NULL THEN '+' ELSE '-' END || lock.virtualtransaction
      FROM pg_locks AS lock
      WHERE lock.locktype = 'relation' AND lock.granted AND lock.mode = 'RowExclusiveLock'
        AND lock.relation = '${name.replaceAll("'", "''")}'::regclass
        AND lock.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND lock.virtualtransaction NOT LIKE '%/0'
    ) AS writers`;
}

/**
 * Reads whole buckets from a position each, and behind all events one row with nothing but `writers`. `$1` buckets, `$2` their last `seq`, `$3` their limits, `$4` the limit of all, `$5` events
 * in hand, `$6` keys that wait, `$7` the group.
 *
 * One after the other in the order given, which is known to the planner (WITH ORDINALITY), so that reading stops at the limit
 * of all. That limit is behind a sub-select, like the upper end of `seq`, because otherwise the planner judges by
 * statistics, which for a queue are always old: what it does not know it takes for a small range of the index.
 */
export function readBucketsSql(table: EventTable, content: BucketReadContent): string {
  const columns = content === "events" ? table.columns : headColumns;
  const inLateral = columns.map((column) => `event.${column}`).join(", ");
  return `
    SELECT ${columns.join(", ")}, is_due, writers
    FROM (
      SELECT found.*, position.ord
      FROM unnest($1::smallint[], $2::bigint[], $3::integer[]) WITH ORDINALITY
        AS position (bucket, after_seq, row_limit, ord)
      CROSS JOIN LATERAL (
        SELECT ${inLateral}, ${isDue} AS is_due
        FROM ${table.name} AS event
        WHERE event.status = 'pending' AND event.scheduled_at IS NULL ${inGroup(table, "$7")}
          -- As rows and ordered as rows: only the index on both columns fits. With the bucket as a condition of its own the planner
          -- walks the primary key and filters, once it knows that few buckets hold most events (1 M events of 4 buckets: 31 s).
          -- As a range of one it only tells the planner that the rows are few; else it compiles the statement (1 M events: 90 ms).
          AND event.bucket BETWEEN position.bucket AND position.bucket
          AND (event.bucket, event.seq) > (position.bucket, position.after_seq)
          AND (event.bucket, event.seq) <= (position.bucket, (SELECT 9223372036854775807))
          AND ${isWanted}
        ORDER BY event.bucket, event.seq
        LIMIT position.row_limit
      ) AS found
      ORDER BY position.ord
      LIMIT (SELECT $4::integer)
    ) AS event
    FULL JOIN (${openWritersSql(table)}
    ) AS look ON false
    ORDER BY ord, seq`;
}

/** Tells what became of events that are neither completed nor gone. `$1` holds their `seq`. */
export function headStatesSql({ name }: EventTable): string {
  return `
    SELECT event.seq,
           CASE WHEN event.status = 'failed' THEN 'failed'
                WHEN ${isDue} THEN 'due'
                ELSE 'backingOff' END AS state
    FROM ${name} AS event
    -- In words that match no partial index, because the events are found by their number.
    WHERE event.seq = ANY (ARRAY (SELECT unnest($1::bigint[]))) AND event.status <> 'completed'`;
}

/** Reads the earliest failed event of each key, all of it from one index. `$1` holds the buckets, `$2` the group. */
export function failedHeadsSql(table: EventTable): string {
  return `
    SELECT head.bucket, head.partition_key, head.seq
    FROM unnest($1::smallint[]) AS wanted (bucket)
    CROSS JOIN LATERAL (
      SELECT DISTINCT ON (event.partition_key) event.bucket, event.partition_key, event.seq
      FROM ${table.name} AS event
      WHERE event.status = 'failed' AND event.bucket = wanted.bucket ${inGroup(table, "$2")}
      ORDER BY event.partition_key, event.seq
    ) AS head`;
}
