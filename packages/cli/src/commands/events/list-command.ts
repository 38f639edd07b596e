import type { EventListQuery } from "@omni-box/core";
import { Command } from "commander";
import type { CommandContext } from "../../create-program.js";
import { withAdministration } from "../../database/with-administration.js";
import { cliDefaults } from "../../defaults.js";
import { exitCodes } from "../../exit-codes.js";
import { addFilterOptions, type FilterOptions, toEventFilter } from "../../options/filter-options.js";
import { seqNumber, wholeNumber } from "../../options/parse-option.js";
import { addStoreOptions, chooseStore, type StoreOptions } from "../../options/shared-options.js";
import { eventDocument, type ShownEvent } from "../../render/event-document.js";
import { renderEventList } from "../../render/render-event-list.js";
import { writeResult } from "../../render/write-result.js";

interface ListOptions extends StoreOptions, FilterOptions {
  readonly limit: number;
  readonly newest?: boolean;
  readonly after?: bigint;
  readonly payload?: boolean;
}

/** `omni-box events list`. */
export function listCommand({ terminal, action }: CommandContext): Command {
  const command = new Command("list")
    .description("list events, the oldest first")
    .option("--limit <number>", "how many at most, up to 1000", wholeNumber(1, 1_000), cliDefaults.listLimit)
    .option("--newest", "the newest first")
    .option("--after <seq>", "only those beyond this seq: the next page", seqNumber)
    .option("--payload", "show payloads too");
  return addStoreOptions(addFilterOptions(command, ["pending", "completed", "failed"])).action(
    action(async (options: ListOptions) => {
      const { limit, newest, after, payload = false } = options;
      // One more than is shown tells whether there is a next page; the protocol allows no more than 1,000.
      const query: EventListQuery = {
        filter: toEventFilter(options, chooseStore(options)),
        limit: Math.min(limit + 1, 1_000),
        order: newest === true ? "newest" : "oldest",
        ...(after !== undefined && { after }),
      };
      const events = await withAdministration<readonly ShownEvent[]>(options, terminal, (administration) =>
        administration.list(query),
      );
      const shown = events.slice(0, limit);
      const next = events.length > limit || events.length === 1_000 ? (shown.at(-1)?.event.seq ?? null) : null;
      const document = { events: shown.map((event) => eventDocument(event, payload)), next };
      writeResult(terminal, options, document, () => {
        if (shown.length === 0) return "no event matches\n";
        const more = next === null ? "" : `There may be more: --after ${next}\n`;
        return `${renderEventList(shown, payload)}${more}`;
      });
      return exitCodes.ok;
    }),
  );
}
