import type { FetchFilters } from "@omni-box/core";
import { eventColumns } from "./event-columns.js";

/** When an event is due, in the words of the index `outbox_event_due_idx`. */
const dueAt = "coalesce(event.next_attempt_at, event.scheduled_at, event.created_at)";

/**
 * The stored times are rounded to milliseconds, up as well as down. The present is rounded alike, or an event that was stored
 * this moment would lie half a millisecond in the future.
 *
 * The sub-selects, and the lower bound that excludes nothing, keep the planner from judging by statistics, which for a queue
 * are always old: what it cannot know it takes for a small range of the index, and reads that range from its left end.
 * Knowing more, it sorted all due rows where it believed that they were few, and compiled the statement (JIT, up to a second)
 * where it saw millions.
 */
const isDue = `event.status = 'pending'
        AND ${dueAt} BETWEEN (SELECT '-infinity'::timestamptz) AND (SELECT statement_timestamp()::timestamptz(3))
        AND (event.lease_until IS NULL OR event.lease_until <= statement_timestamp())`;

/** Behind a sub-select for the same reason: not knowing the limit, the planner prefers not to sort. */
const limit = "LIMIT (SELECT $1::integer)";

/** Fields of a filter and the columns they are compared with. */
const filterColumns = [
  ["topics", "topic"],
  ["types", "event_type"],
  ["aggregateTypes", "aggregate_type"],
] as const satisfies readonly (readonly [keyof FetchFilters, string])[];

const selected = eventColumns.join(", ");

/** Reads due rows without taking them. `$1` is the limit, filters follow. */
export function findDueSql(table: string, filters: FetchFilters | undefined): string {
  return `
    SELECT ${selected} FROM (
      SELECT event.* FROM ${table} AS event
      WHERE ${isDue}${filterConditions(filters, 2)}
      ORDER BY ${dueAt}, event.seq
      ${limit}
    ) AS due
    ORDER BY seq`;
}

/**
 * Leases due rows. `$1` limit, `$2` token, `$3` milliseconds, `$4` worker, filters follow.
 *
 * Rows are chosen in the order of their due time, which the index gives from its left end: neither far-scheduled nor
 * backing-off rows are looked at, and a retry that has become due is not starved by new rows. The choice is materialized,
 * because the planner may run a plain sub-select again and then take more than the limit.
 */
export function claimSql(table: string, filters: FetchFilters | undefined): string {
  return `
    WITH due AS MATERIALIZED (
      SELECT event.seq FROM ${table} AS event
      WHERE ${isDue}${filterConditions(filters, 5)}
      ORDER BY ${dueAt}, event.seq
      ${limit}
      FOR UPDATE SKIP LOCKED
    ), claimed AS (
      UPDATE ${table} AS event
      SET lease_token = $2::uuid,
          lease_until = statement_timestamp() + $3::double precision * interval '1 millisecond',
          locked_by = $4::text
      -- An array, because the planner may join a large table with the choice by reading all of it.
      WHERE event.seq = ANY (ARRAY (SELECT due.seq FROM due))
      RETURNING event.*
    )
    SELECT ${selected} FROM claimed ORDER BY seq`;
}

/** Which filters are given, as a key for statements that differ in nothing else. */
export function filterKey(filters: FetchFilters | undefined): string {
  return givenFilters(filters)
    .map(([, column]) => column)
    .join();
}

/** The values of the filters' parameters. */
export function filterValues(filters: FetchFilters | undefined): readonly unknown[] {
  return givenFilters(filters).map(([field]) => filters?.[field]);
}

function filterConditions(filters: FetchFilters | undefined, firstParameter: number): string {
  return givenFilters(filters)
    .map(([, column], index) => `\n        AND event.${column} = ANY ($${firstParameter + index}::text[])`)
    .join("");
}

function givenFilters(filters: FetchFilters | undefined): readonly (typeof filterColumns)[number][] {
  return filterColumns.filter(([field]) => filters?.[field] !== undefined);
}
