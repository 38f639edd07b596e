import type { EventAdministration, InboxEvent, OutboxEvent } from "@omni-box/core";
import { chooseStore, type StoreChoice, type StoreOptions } from "../options/shared-options.js";
import type { Terminal } from "../terminal/terminal.js";
import { createAdministrations } from "./create-administrations.js";
import { databaseTarget } from "./database-target.js";
import { withTables } from "./with-database.js";

/** One of the two, chosen by the command line. */
export type ChosenAdministration = EventAdministration<OutboxEvent> | EventAdministration<InboxEvent>;

/** Runs `work` on the store that the options choose. */
export function withAdministration<Result>(
  options: StoreOptions,
  terminal: Terminal,
  work: (administration: ChosenAdministration, choice: StoreChoice) => Promise<Result>,
): Promise<Result> {
  const choice = chooseStore(options);
  const target = databaseTarget(options, terminal);
  return withTables(target, (client) => work(createAdministrations(client, target.schema)[choice.store], choice));
}
