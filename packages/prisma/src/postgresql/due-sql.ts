import type { DueQuery, FetchFilters } from "@omni-box/core";
import type { EventTable } from "./event-table.js";
import { isStillPending } from "./fence-sql.js";

/** Which rows are asked for; two queries that differ in values alone share one statement. */
export type DueConditions = Pick<DueQuery, "filters" | "keyHeadsOnly">;

/** When an event is due, in the words of the indexes `outbox_event_due_idx` and `inbox_event_group_due_idx`. */
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

/** Reads due rows without taking them. `$1` is the limit, filters follow. */
export function findDueSql(table: EventTable, conditions: DueConditions): string {
  const { ctes, condition } = dueRows(table, conditions, 2);
  return `
    WITH ${ctes} due AS (
      SELECT event.* FROM ${table.name} AS event
      WHERE ${condition}
      ORDER BY ${dueAt}, event.seq
      ${limit}
    )
    SELECT ${table.columns.join(", ")} FROM due ORDER BY seq`;
}

/**
 * Leases due rows. `$1` limit, `$2` token, `$3` milliseconds, `$4` worker, filters follow.
 *
 * Rows are chosen in the order of their due time, which the index gives from its left end: neither far-scheduled nor
 * backing-off rows are looked at, and a retry that has become due is not starved by new rows. The choice is materialized,
 * because the planner may run a plain sub-select again and then take more than the limit.
 *
 * A lease that is taken over leaves a mark: its worker recorded nothing, and may have died of the event.
 */
export function claimSql(table: EventTable, conditions: DueConditions): string {
  const { ctes, condition } = dueRows(table, conditions, 5);
  return `
    WITH ${ctes} due AS MATERIALIZED (
      SELECT event.seq FROM ${table.name} AS event
      WHERE ${condition}
      ORDER BY ${dueAt}, event.seq
      ${limit}
      FOR UPDATE SKIP LOCKED
    ), claimed AS (
      UPDATE ${table.name} AS event
      SET lease_token = $2::uuid,
          lease_until = statement_timestamp() + $3::double precision * interval '1 millisecond',
          locked_by = $4::text,
          started_attempts = CASE WHEN event.lease_token IS NULL THEN event.started_attempts
                                  ELSE greatest(event.started_attempts, 1) END
      -- An array, because the planner may join a large table with the choice by reading all of it.
      WHERE event.seq = ANY (ARRAY (SELECT due.seq FROM due))
      RETURNING event.*
    )
    SELECT ${table.columns.join(", ")} FROM claimed ORDER BY seq`;
}

/** The condition on `event`, and common table expressions in front of it. */
interface DueRows {
  readonly ctes: string;
  readonly condition: string;
}

function dueRows(table: EventTable, { filters, keyHeadsOnly }: DueConditions, firstParameter: number): DueRows {
  const filter = filterSql(table, filters, firstParameter);
  if (!keyHeadsOnly) return { ctes: "", condition: `${isDue}${filter.all}` };
  return {
    ctes: `RECURSIVE ${keyHeadCtes(table, filter)},`,
    condition: `event.seq = ANY (ARRAY (SELECT seq FROM near WHERE is_head UNION SELECT seq FROM heads))
        AND ${isStillDue}${filter.all}`,
  };
}

/** How many of the rows that are due longest are looked at before the keys are gone through. */
const nearRows = 1_000;

/** {@link isDue} in words that match no index: the rows are found by their `seq`. */
const isStillDue = `${isStillPending} AND ${dueAt} <= statement_timestamp()::timestamptz(3)
        AND (event.lease_until IS NULL OR event.lease_until <= statement_timestamp())`;

/**
 * Finds the earliest pending row of each key, in two ways, so that the cost depends neither on the number of keys, as long as
 * most due rows are heads, nor on the number of rows that wait behind one head:
 *
 * - `near`: the rows that are due longest, each of which is asked for an earlier one of its key;
 * - `heads`: only if those were too few: one step through the index for each key, however many rows it has.
 *
 * 200,000 rows behind a head that backs off: 37 ms, where asking each of them took 930 ms.
 */
function keyHeadCtes({ name, keyColumns }: EventTable, filter: FilterSql): string {
  const key = (row: string) => keyColumns.map((column) => `${row}.${column}`).join(", ");
  const head = `SELECT ${key("event")}, event.seq FROM ${name} AS event WHERE event.status = 'pending'`;
  const inOrder = `ORDER BY ${key("event")}, event.seq LIMIT 1`;
  // Columns that a filter holds to one value are left out: beside an equality PostgreSQL begins to read at that value and only
  // filters by a comparison of rows, so that each step would read all keys before it (10,000 keys: 3.2 s, and 0.1 s without).
  const open = keyColumns.filter((column) => !filter.fixedColumns.includes(column));
  const openKey = (row: string) => open.map((column) => `${row}.${column}`).join(", ");
  return `near AS MATERIALIZED (
      SELECT candidate.seq, candidate.seq = (${earliestOfKey(name, keyColumns, "candidate")}) AS is_head
      FROM (
        SELECT event.seq, ${key("event")} FROM ${name} AS event
        WHERE ${isDue}${filter.all}
        ORDER BY ${dueAt}, event.seq
        LIMIT (SELECT ${nearRows})
      ) AS candidate
    ), heads AS (
      (
        ${head}${filter.ofKeys}
          AND (SELECT count(*) = ${nearRows} AND count(*) FILTER (WHERE is_head) < $1::integer FROM near)
        ${inOrder}
      )
      UNION ALL
      SELECT next.* FROM heads CROSS JOIN LATERAL (
        ${head}${filter.ofKeys}
          AND (${openKey("event")}) > (${openKey("heads")})
        ${inOrder}
      ) AS next
    )`;
}

/** What tells statements apart that ask for different conditions. */
export function conditionsKey(conditions: DueConditions): string {
  const { keyHeadsOnly = false, filters } = conditions;
  return [keyHeadsOnly ? "heads" : "all", ...givenFilters(filters)].join();
}

/** The values of the filters' parameters. */
export function filterValues({ filterColumns }: EventTable, filters: FetchFilters | undefined): readonly unknown[] {
  return givenFilters(filters)
    .filter((field) => filterColumns[field] !== undefined)
    .map((field) => filters?.[field]);
}

/**
 * Selects the `seq` of the earliest pending row of a row's key.
 *
 * The last column is compared as a range that holds one value, and ordered by, because then only the index on keys fits. For
 * rows that are equal to something the planner knows other ways: where it believes that most rows are of the key, it reads
 * the table until it meets one.
 */
export function earliestOfKey(name: string, keyColumns: readonly string[], row: string): string {
  const last = keyColumns[keyColumns.length - 1];
  const same = keyColumns.slice(0, -1).map((column) => `earliest.${column} = ${row}.${column} AND `);
  return `
        SELECT earliest.seq FROM ${name} AS earliest
        WHERE earliest.status = 'pending' AND ${same.join("")}earliest.${last} BETWEEN ${row}.${last} AND ${row}.${last}
        ORDER BY earliest.${last}, earliest.seq LIMIT 1`;
}

/** Conditions on `event`, in a form that can follow others. */
export interface FilterSql {
  readonly all: string;
  /** Those that are the same for all rows of a key, so that leaving out rows does not change which one is the earliest. */
  readonly ofKeys: string;
  /** Columns of which all rows have the same value. */
  readonly fixedColumns: readonly string[];
}

/** Writes the conditions of filters, whose parameters begin with the given number. */
function filterSql(table: EventTable, filters: FetchFilters | undefined, firstParameter: number): FilterSql {
  let parameter = firstParameter;
  let all = "";
  let ofKeys = "";
  const fixedColumns: string[] = [];
  for (const field of givenFilters(filters)) {
    const column = table.filterColumns[field];
    const condition = `\n        AND ${column === undefined ? "false" : comparison(field, column, `$${parameter++}`)}`;
    all += condition;
    if (column === undefined || table.keyColumns.includes(column)) ofKeys += condition;
    if (column !== undefined && field === "consumerGroup") fixedColumns.push(column);
  }
  return { all, ofKeys, fixedColumns };
}

/** The group is one value, so that the index on it gives the order; hidden from the planner like the rest. */
function comparison(field: keyof FetchFilters, column: string, given: string): string {
  return field === "consumerGroup"
    ? `event.${column} = (SELECT ${given}::text)`
    : `event.${column} = ANY (${given}::text[])`;
}

const filterFields = [
  "topics",
  "types",
  "aggregateTypes",
  "consumerGroup",
  "sources",
] as const satisfies readonly (keyof FetchFilters)[];

function givenFilters(filters: FetchFilters | undefined): readonly (typeof filterFields)[number][] {
  return filterFields.filter((field) => filters?.[field] !== undefined);
}
