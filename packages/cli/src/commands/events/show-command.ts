import { Command } from "commander";
import { CliFailure } from "../../cli-failure.js";
import type { CommandContext } from "../../create-program.js";
import { withAdministration } from "../../database/with-administration.js";
import { exitCodes } from "../../exit-codes.js";
import { someText } from "../../options/parse-option.js";
import { addStoreOptions, type StoreOptions } from "../../options/shared-options.js";
import { eventDocument } from "../../render/event-document.js";
import { renderEvent } from "../../render/render-event.js";
import { writeResult } from "../../render/write-result.js";

interface ShowOptions extends StoreOptions {
  readonly payload?: boolean;
}

/** `omni-box events show`. */
export function showCommand({ terminal, action }: CommandContext): Command {
  const command = new Command("show")
    .description("show one event with its history; exit code 3 when there is none")
    .argument("<id>", "the event's id", someText(255))
    .option("--payload", "show payload and headers too");
  return addStoreOptions(command).action(
    action(async (id: string, options: ShowOptions) => {
      const { payload = false } = options;
      const found = await withAdministration(options, terminal, async (administration, { store }) => {
        const event = await administration.find(id);
        if (event !== null) return event;
        const reason =
          store === "outbox" ? ": it may have been published and deleted, or be in the inbox (--inbox)" : "";
        throw CliFailure.needsAttention(`the ${store} has no event ${id}${reason}`, "STORE.NOT_FOUND");
      });
      writeResult(terminal, options, { event: eventDocument(found, payload) }, () => renderEvent(found, payload));
      return exitCodes.ok;
    }),
  );
}
