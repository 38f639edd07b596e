import type { EventFilter, EventStatus, FetchFilters } from "@omni-box/core";
import { isUuid } from "../../is-uuid.js";
import type { EventTable } from "../event-table.js";
import { isFailedSql } from "./is-failed-sql.js";

/** Collects the values of a statement's parameters. */
export interface Parameters {
  readonly values: readonly unknown[];
  /** Adds a value and gives its place, with its type. */
  add(value: unknown, type: string): string;
}

/** Begins with none. */
export function createParameters(): Parameters {
  const values: unknown[] = [];
  return {
    values,
    add(value, type) {
      values.push(value);
      return `$${values.length}::${type}`;
    },
  };
}

/** The conditions of a filter on the row `event`, each behind an AND. Statuses are written out, so that they match partial indexes. */
export function filterSql(table: EventTable, filter: EventFilter, parameters: Parameters): string {
  const { ids, statuses, partitionKeys, errorContains, createdFrom, createdBefore } = filter;
  const conditions = fetchConditions(table, filter, parameters);
  if (ids !== undefined) conditions.push(`event.id = ANY (${parameters.add(ids.filter(isUuid), "uuid[]")})`);
  if (statuses !== undefined) conditions.push(statusSql(statuses));
  if (partitionKeys !== undefined) {
    conditions.push(`event.partition_key = ANY (${parameters.add(partitionKeys, "text[]")})`);
  }
  if (errorContains !== undefined) {
    conditions.push(`event.last_error ILIKE ${parameters.add(`%${literally(errorContains)}%`, "text")}`);
  }
  if (createdFrom !== undefined) conditions.push(`event.created_at >= ${parameters.add(createdFrom, "timestamptz")}`);
  if (createdBefore !== undefined)
    conditions.push(`event.created_at < ${parameters.add(createdBefore, "timestamptz")}`);
  return andAll(conditions);
}

/** The same for the part of a filter that workers have too. */
export function fetchFilterSql(table: EventTable, filters: FetchFilters | undefined, parameters: Parameters): string {
  return andAll(filters === undefined ? [] : fetchConditions(table, filters, parameters));
}

/** The row `event` has one of the statuses. */
export function statusSql(statuses: readonly EventStatus[]): string {
  const [only] = statuses;
  if (only === undefined) return "false";
  if (statuses.length === 1) return only === "failed" ? isFailedSql : `event.status = '${only}'`;
  return `event.status IN (${statuses.map((status) => `'${status}'`).join(", ")})`;
}

function fetchConditions(table: EventTable, filters: FetchFilters, parameters: Parameters): string[] {
  const conditions: string[] = [];
  for (const field of ["topics", "types", "aggregateTypes", "consumerGroup", "sources"] as const) {
    const wanted = filters[field];
    if (wanted === undefined) continue;
    const column = table.filterColumns[field];
    if (column === undefined) conditions.push("false");
    else if (field === "consumerGroup") conditions.push(`event.${column} = ${parameters.add(wanted, "text")}`);
    else conditions.push(`event.${column} = ANY (${parameters.add(wanted, "text[]")})`);
  }
  return conditions;
}

/** No character of the text is a wildcard. */
function literally(text: string): string {
  return text.replaceAll(/[\\%_]/g, (character) => `\\${character}`);
}

function andAll(conditions: readonly string[]): string {
  return conditions.map((condition) => `\n      AND ${condition}`).join("");
}
