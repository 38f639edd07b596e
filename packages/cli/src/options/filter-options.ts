import type { EventFilter, EventStatus } from "@omni-box/core";
import { type Command, Option } from "commander";
import { CliFailure } from "../cli-failure.js";
import { several, someText, time } from "./parse-option.js";
import type { StoreChoice } from "./shared-options.js";

/** The options that choose events, beside ids. */
export interface FilterOptions {
  readonly status?: EventStatus;
  readonly type?: readonly string[];
  readonly topic?: readonly string[];
  readonly key?: readonly string[];
  readonly aggregateType?: readonly string[];
  readonly source?: readonly string[];
  readonly error?: string;
  readonly from?: Date;
  readonly before?: Date;
}

/** @param statuses - those that `--status` offers; none: there is no such option */
export function addFilterOptions(command: Command, statuses: readonly EventStatus[]): Command {
  if (statuses.length > 0) {
    command.addOption(new Option("--status <status>", "only events with this status").choices([...statuses]));
  }
  return command
    .option("--type <type>", "only events of this type; may be repeated", several)
    .option("--topic <topic>", "only events of this topic; may be repeated", several)
    .option("--key <key>", "only events with this partition key; may be repeated", several)
    .option("--aggregate-type <type>", "only of this type of aggregate, in the outbox; may be repeated", several)
    .option("--source <name>", "only from this queue, in the inbox; may be repeated", several)
    .option("--error <text>", "only events whose last error contains this text", someText(200))
    .option("--from <time>", "only those inserted since: a time, or how long ago, such as 2h", time)
    .option("--before <time>", "only those inserted before: likewise", time);
}

/** Whether anything was chosen. */
export function hasFilter(options: FilterOptions): boolean {
  const { status, type, topic, key, aggregateType, source, error, from, before } = options;
  return [status, type, topic, key, aggregateType, source, error, from, before].some((value) => value !== undefined);
}

/** What the options choose, in the words of the protocol. */
export function toEventFilter(
  options: FilterOptions,
  { store, consumerGroup }: StoreChoice,
  ids: readonly string[] = [],
): EventFilter {
  if (store === "inbox" && options.aggregateType !== undefined) {
    throw CliFailure.usage("--aggregate-type is about the outbox: events of the inbox have none");
  }
  if (store === "outbox" && options.source !== undefined) {
    throw CliFailure.usage("--source is about the inbox: give --inbox too");
  }
  return {
    ...(ids.length > 0 && { ids }),
    ...(options.status !== undefined && { statuses: [options.status] }),
    ...(options.type !== undefined && { types: options.type }),
    ...(options.topic !== undefined && { topics: options.topic }),
    ...(options.key !== undefined && { partitionKeys: options.key }),
    ...(options.aggregateType !== undefined && { aggregateTypes: options.aggregateType }),
    ...(options.source !== undefined && { sources: options.source }),
    ...(options.error !== undefined && { errorContains: options.error }),
    ...(options.from !== undefined && { createdFrom: options.from }),
    ...(options.before !== undefined && { createdBefore: options.before }),
    ...(consumerGroup !== undefined && { consumerGroup }),
  };
}
