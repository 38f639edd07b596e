import type { EventListQuery } from "@omni-box/core";
import type { Statement } from "../../statement.js";
import type { EventTable } from "../event-table.js";
import { createParameters, filterSql } from "./filter-sql.js";

/** An entry as it is stored. */
export interface StoredHistoryEntry {
  readonly at: string;
  readonly what: string;
  readonly attemptsMade: number;
  readonly note: string | null;
}

/** Beside the columns of the event. */
export interface AdministrationColumns {
  readonly failed_at: Date | null;
  readonly dead_lettered_at: Date | null;
  readonly history: readonly StoredHistoryEntry[];
}

/** The columns of an event with what only people ask for. */
function columnsOf(table: EventTable): string {
  return `${table.columns.join(", ")}, CASE WHEN status = 'failed' THEN coalesce(failed_at, created_at) END AS failed_at,
      dead_lettered_at, history`;
}

/** Reads one event. `$1` its id. */
export function findAdministeredSql(table: EventTable): string {
  return `SELECT ${columnsOf(table)} FROM ${table.name} AS event WHERE event.id = $1::uuid`;
}

/** Reads a page of events. */
export function listStatement(
  table: EventTable,
  { filter, limit, order = "oldest", after }: EventListQuery,
): Statement {
  const parameters = createParameters();
  const [direction, beyond] = order === "oldest" ? ["ASC", ">"] : ["DESC", "<"];
  const position = after === undefined ? "" : `AND event.seq ${beyond} ${parameters.add(after, "bigint")}`;
  const sql = `
    SELECT ${columnsOf(table)}
    FROM ${table.name} AS event
    WHERE true ${position}${filterSql(table, filter, parameters)}
    ORDER BY event.seq ${direction}
    LIMIT ${parameters.add(limit, "integer")}`;
  return { sql, values: parameters.values };
}
