import type { FetchFilters } from "@omni-box/core";
import { inboxColumns, outboxColumns } from "./event-columns.js";
import { qualifyTable } from "./qualify-table.js";

/** A table of events, as the statements that outbox and inbox share see it. */
export interface EventTable {
  /** Qualified and quoted. */
  readonly name: string;
  readonly columns: readonly string[];
  /** The columns that filters are compared with. A filter without a column matches nothing. */
  readonly filterColumns: Partial<Readonly<Record<keyof FetchFilters, string>>>;
  /** Events that are equal in these have an order among themselves. */
  readonly keyColumns: readonly string[];
  /** Each consumer group, named in this column, has buckets of its own; `null`: there are no groups. */
  readonly groupColumn: "consumer_group" | null;
}

/** Describes `outbox_event`. */
export function outboxTable(schema: string | undefined): EventTable {
  return {
    name: qualifyTable(schema, "outbox_event"),
    columns: outboxColumns,
    filterColumns: { topics: "topic", types: "event_type", aggregateTypes: "aggregate_type" },
    keyColumns: ["partition_key"],
    groupColumn: null,
  };
}

/** Describes `inbox_event`. */
export function inboxTable(schema: string | undefined): EventTable {
  return {
    name: qualifyTable(schema, "inbox_event"),
    columns: inboxColumns,
    filterColumns: { topics: "topic", types: "event_type", consumerGroup: "consumer_group", sources: "source" },
    keyColumns: ["consumer_group", "partition_key"],
    groupColumn: "consumer_group",
  };
}
