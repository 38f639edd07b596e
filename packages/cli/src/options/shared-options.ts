import type { Command } from "commander";
import { CliFailure } from "../cli-failure.js";
import type { ConnectionOptions } from "../database/database-target.js";
import { someText } from "./parse-option.js";

/** What every command that shows something takes. */
export interface OutputOptions {
  readonly json?: boolean;
}

/** What says which of the two tables a command is about. */
export interface StoreOptions extends ConnectionOptions, OutputOptions {
  readonly outbox?: boolean;
  readonly inbox?: boolean;
  readonly group?: string;
}

/** One of the two tables, and in the inbox perhaps one consumer group. */
export interface StoreChoice {
  readonly store: "outbox" | "inbox";
  readonly consumerGroup: string | undefined;
}

export function addOutputOptions(command: Command): Command {
  return command.option("--json", "one JSON document instead of text");
}

export function addConnectionOptions(command: Command): Command {
  return addOutputOptions(
    command
      .option("--database-url <url>", "the database; default: DATABASE_URL")
      .option("--schema <name>", "schema of the tables; default: the URL's schema, else the search_path", someText(63)),
  );
}

export function addStoreOptions(command: Command): Command {
  return addConnectionOptions(
    command
      .option("--outbox", "the outbox (default)")
      .option("--inbox", "the inbox")
      .option("--group <name>", "one consumer group, in the inbox", someText(255)),
  );
}

/** Which table was meant; the outbox where none is named. A consumer group is always one of the inbox. */
export function chooseStore({ outbox, inbox, group }: StoreOptions): StoreChoice {
  if (outbox === true && inbox === true)
    throw CliFailure.usage("--outbox and --inbox exclude each other: give one of them");
  if (outbox === true && group !== undefined) throw CliFailure.usage("--group is about the inbox: leave --outbox out");
  return { store: inbox === true || group !== undefined ? "inbox" : "outbox", consumerGroup: group };
}
