import { limits, type RemoveOldRequest } from "@omni-box/core";
import type { Statement } from "../../statement.js";
import type { EventTable } from "../event-table.js";
import { dueLongestCtes } from "./due-longest-sql.js";
import { createParameters, fetchFilterSql } from "./filter-sql.js";
import { isFailedSql } from "./is-failed-sql.js";

/** The only row of an answer. */
export interface CountRow {
  readonly count: number;
}

/** Removes events that became completed or failed long ago, those first that did so first. Rows that somebody has locked are passed over. */
export function removeOldStatement(table: EventTable, request: RemoveOldRequest): Statement {
  const { status, limit, olderThanMs, consumerGroup, onlyDeadLettered = false } = request;
  const { name } = table;
  const parameters = createParameters();
  const limitSql = parameters.add(limit, "integer");
  const ageSql = parameters.add(olderThanMs, "double precision");
  const ofGroup = fetchFilterSql(table, consumerGroup === undefined ? undefined : { consumerGroup }, parameters);
  const isOld = (column: string) =>
    `event.${column} <= (SELECT statement_timestamp() - ${ageSql} * interval '1 millisecond')`;
  const isPublished = onlyDeadLettered ? " AND event.dead_lettered_at IS NOT NULL" : "";
  const [undated, condition, order] =
    status === "completed"
      ? ["", `event.status = 'completed' AND ${isOld("completed_at")}`, "event.completed_at"]
      : [
          datedFailuresCtes(name, limitSql, ofGroup),
          `${isFailedSql} AND ${isOld("failed_at")}${isPublished}`,
          "event.seq",
        ];
  const sql = `
    WITH ${undated} old AS MATERIALIZED (
      SELECT event.seq FROM ${name} AS event
      WHERE ${condition}${ofGroup}
      ORDER BY ${order}
      LIMIT (SELECT ${limitSql})
      FOR UPDATE SKIP LOCKED
    ), removed AS (
      DELETE FROM ${name} AS event WHERE event.seq = ANY (ARRAY (SELECT old.seq FROM old))
      RETURNING event.seq
    )
    SELECT count(*)::integer AS count FROM removed`;
  return { sql, values: parameters.values };
}

/** What a worker of a former version failed has no time yet. It gets the present one, so as not to be removed for its age. */
function datedFailuresCtes(name: string, limit: string, ofGroup: string): string {
  return `undated AS MATERIALIZED (
      SELECT event.seq FROM ${name} AS event
      WHERE ${isFailedSql} AND event.failed_at IS NULL${ofGroup}
      ORDER BY event.seq
      LIMIT ${limit}
      FOR UPDATE SKIP LOCKED
    ), dated AS (
      UPDATE ${name} AS event SET failed_at = statement_timestamp()
      WHERE event.seq = ANY (ARRAY (SELECT undated.seq FROM undated))
    ),`;
}

/**
 * Ends leases that have run out. `$1` the limit.
 *
 * No index holds a lease, so that claiming touches none. Claims take what has been due longest, so that is where leases are.
 */
export function releaseExpiredLeasesSql(table: EventTable): string {
  const { name } = table;
  const hasRunOut = "event.lease_until <= statement_timestamp() AND event.status NOT IN ('completed', 'failed')";
  return `
    WITH RECURSIVE ${dueLongestCtes(table, String(limits.expiredLeaseLookMax), null)}, expired AS MATERIALIZED (
      SELECT event.seq FROM ${name} AS event
      WHERE event.seq = ANY (ARRAY (SELECT near.seq FROM near WHERE near.lease_until <= statement_timestamp()))
        AND ${hasRunOut}
      LIMIT $1::integer
      FOR UPDATE SKIP LOCKED
    ), released AS (
      UPDATE ${name} AS event
      SET lease_token = NULL, lease_until = NULL, locked_by = NULL, started_attempts = greatest(event.started_attempts, 1)
      WHERE event.seq = ANY (ARRAY (SELECT expired.seq FROM expired))
      RETURNING event.seq
    )
    SELECT count(*)::integer AS count FROM released`;
}
