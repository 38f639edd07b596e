import { setTimeout as pause } from "node:timers/promises";
import { type EventStatistics, isOmniBoxError } from "@omni-box/core";
import { Command } from "commander";
import type { CommandContext } from "../create-program.js";
import { type Administrations, createAdministrations } from "../database/create-administrations.js";
import { databaseTarget } from "../database/database-target.js";
import { withTables } from "../database/with-database.js";
import { cliDefaults } from "../defaults.js";
import { describeFailureLine } from "../describe-failure-line.js";
import { exitCodes } from "../exit-codes.js";
import { waitingTime } from "../options/parse-option.js";
import { addStoreOptions, chooseStore, type StoreChoice, type StoreOptions } from "../options/shared-options.js";
import { renderStatistics } from "../render/render-statistics.js";
import { writeResult } from "../render/write-result.js";

interface StatusOptions extends StoreOptions {
  readonly watch?: boolean;
  readonly interval: number;
}

/** What is shown of each store that was asked for. */
interface StatusDocument {
  readonly at: Date;
  readonly outbox?: EventStatistics;
  readonly inbox?: EventStatistics;
}

/** `omni-box status`. */
export function statusCommand({ terminal, action }: CommandContext): Command {
  return addStoreOptions(
    new Command("status").description("show how many events wait, since when, what failed, and who works"),
  )
    .option("--watch", "look again until Ctrl-C")
    .option(
      "--interval <duration>",
      "how often --watch looks",
      waitingTime(cliDefaults.watchIntervalMinMs),
      cliDefaults.watchIntervalMs,
    )
    .action(
      action(async (options: StatusOptions) => {
        const stores = chosenStores(options);
        const target = databaseTarget(options, terminal);
        return withTables(target, async (client) => {
          const administrations = createAdministrations(client, target.schema);
          const show = async () => {
            const status = await readStatus(administrations, stores, options.group);
            writeResult(terminal, options, status, () => renderStatus(status, target.name));
          };
          if (options.watch === true) await repeat(show, options, terminal);
          else await show();
          return exitCodes.ok;
        });
      }),
    );
}

type Store = StoreChoice["store"];

/** Both, unless one is named. */
function chosenStores(options: StatusOptions): readonly Store[] {
  const { outbox, inbox, group } = options;
  if (group === undefined && outbox === inbox) return ["outbox", "inbox"];
  return [chooseStore(options).store];
}

async function readStatus(
  { outbox, inbox }: Administrations,
  stores: readonly Store[],
  group: string | undefined,
): Promise<StatusDocument> {
  return {
    at: new Date(),
    ...(stores.includes("outbox") && { outbox: await outbox.statistics() }),
    ...(stores.includes("inbox") && {
      inbox: await inbox.statistics(group === undefined ? {} : { consumerGroup: group }),
    }),
  };
}

/** Moves the cursor to the top and clears what is below, so that a person sees one screen that changes. */
const clearScreen = "\u001b[H\u001b[J";

async function repeat(
  show: () => Promise<void>,
  { interval, json }: StatusOptions,
  terminal: CommandContext["terminal"],
): Promise<void> {
  const signal = terminal.onInterrupt();
  while (!signal.aborted) {
    if (terminal.isScreen && json !== true) terminal.write(clearScreen);
    await show().catch((error: unknown) => {
      // Who watches a database that is restarted wants to see it come back.
      if (!isOmniBoxError(error) || !error.retryable) throw error;
      terminal.tell(`omni-box: ${describeFailureLine(error).message}\n`);
    });
    // Aborted by Ctrl-C, which is the way to end it.
    await pause(interval, undefined, { signal }).catch(() => undefined);
  }
}

function renderStatus({ at, outbox, inbox }: StatusDocument, name: string): string {
  return [
    `${name} at ${at.toISOString()}\n`,
    ...(outbox === undefined ? [] : [`\nOUTBOX\n${renderStatistics(outbox)}`]),
    ...(inbox === undefined ? [] : [`\nINBOX\n${renderStatistics(inbox)}`]),
  ].join("");
}
