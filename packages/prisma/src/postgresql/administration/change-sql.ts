import type { EventChangeRequest, EventStatus } from "@omni-box/core";
import { isUuid } from "../../is-uuid.js";
import type { Statement } from "../../statement.js";
import type { EventTable } from "../event-table.js";
import { createParameters, filterSql, statusSql } from "./filter-sql.js";
import { appendedHistorySql } from "./history-sql.js";

/** What can be done with events that are not pending. */
export type EventChange = "requeue" | "skip" | "purge";

/** The only row of the answer. */
export interface ChangeRow {
  /** With `seq` in decimal digits, because JSON knows no such integers. */
  readonly changed: readonly { readonly id: string; readonly seq: string }[];
  readonly refused: readonly { readonly id: string; readonly seq: string; readonly status: EventStatus }[];
  /** Of the filter's `ids`; empty without them. */
  readonly found: readonly string[];
  readonly more: boolean;
}

/** Events that cannot be changed that way are refused. */
const changeable: Readonly<Record<EventChange, readonly EventStatus[]>> = {
  requeue: ["failed"],
  skip: ["failed"],
  purge: ["failed", "completed"],
};

/**
 * Changes the matching events with the lowest `seq` and reports, in one row, what it did.
 *
 * What somebody else has locked is passed over: an operator does not wait for workers, nor one of them for another. The choice is
 * materialized, because the planner may run a plain sub-select again and then take more than the limit.
 */
export function changeEventsStatement(
  table: EventTable,
  change: EventChange,
  { filter, limit, reason, dryRun = false }: EventChangeRequest,
): Statement {
  const parameters = createParameters();
  const limitSql = parameters.add(limit, "integer");
  const wanted = filterSql(table, filter, parameters);
  const canBe = statusSql(changeable[change]);
  const { ids } = filter;
  const idsSql = ids === undefined ? null : parameters.add(ids.filter(isUuid), "uuid[]");
  const changedSql = dryRun
    ? "SELECT chosen.id, chosen.seq FROM chosen"
    : `${changeSql[change](table.name, () => parameters.add(reason ?? null, "text"))}
      WHERE event.seq = ANY (ARRAY (SELECT chosen.seq FROM chosen))
      RETURNING event.id, event.seq`;
  const sql = `
    WITH chosen AS MATERIALIZED (
      SELECT event.seq, event.id FROM ${table.name} AS event
      WHERE ${canBe}${wanted}
      ORDER BY event.seq
      LIMIT ${limitSql}
      ${dryRun ? "" : "FOR UPDATE SKIP LOCKED"}
    ), changed AS (
      ${changedSql}
    )
    SELECT (SELECT coalesce(jsonb_agg(jsonb_build_object('id', changed.id, 'seq', changed.seq::text) ORDER BY changed.seq), '[]')
            FROM changed) AS changed,
           EXISTS (
             SELECT FROM ${table.name} AS event
             WHERE ${canBe}${wanted} AND event.seq NOT IN (SELECT chosen.seq FROM chosen)
           ) AS more,
           ${
             idsSql === null
               ? "'[]'::jsonb AS refused, ARRAY[]::text[] AS found"
               : `(SELECT coalesce(
                     jsonb_agg(jsonb_build_object('id', event.id, 'seq', event.seq::text, 'status', event.status) ORDER BY event.seq), '[]')
                   FROM ${table.name} AS event WHERE NOT (${canBe})${wanted}) AS refused,
              ARRAY (SELECT event.id::text FROM ${table.name} AS event WHERE event.id = ANY (${idsSql})) AS found`
           }`;
  return { sql, values: parameters.values };
}

/** The beginning of each change. `reason` adds the parameter to those of the statement. */
const changeSql: Readonly<Record<EventChange, (table: string, reason: () => string) => string>> = {
  // A schedule would take the event out of the order of its key: the later ones would not wait for it.
  requeue: (table, reason) => `UPDATE ${table} AS event
      SET status = 'pending', attempts_made = 0, started_attempts = 0, next_attempt_at = NULL, scheduled_at = NULL,
          failed_at = NULL, dead_lettered_at = NULL, dead_letter_attempts = 0, dead_letter_at = NULL,
          history = ${appendedHistorySql("requeued", { attemptsMade: "0", note: reason() })}`,
  skip: (table, reason) => `UPDATE ${table} AS event
      SET status = 'completed', completed_at = statement_timestamp(), started_attempts = 0, next_attempt_at = NULL,
          failed_at = NULL, dead_letter_at = NULL,
          history = ${appendedHistorySql("skipped", { attemptsMade: "event.attempts_made", note: reason() })}`,
  purge: (table) => `DELETE FROM ${table} AS event`,
};
