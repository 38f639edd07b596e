import type { EventFilter } from "@omni-box/core";
import { Command } from "commander";
import { type ChangeKind, changeEvents, isIncomplete } from "../../changes/change-events.js";
import { confirmLoss } from "../../changes/confirm-loss.js";
import { renderChanges } from "../../changes/render-changes.js";
import { CliFailure } from "../../cli-failure.js";
import type { CommandContext } from "../../create-program.js";
import { withAdministration } from "../../database/with-administration.js";
import { exitCodes } from "../../exit-codes.js";
import { someText } from "../../options/parse-option.js";
import { addStoreOptions, chooseStore, type StoreOptions } from "../../options/shared-options.js";
import { writeResult } from "../../render/write-result.js";

interface ReleaseOptions extends StoreOptions {
  readonly requeue?: boolean;
  readonly skip?: boolean;
  readonly discard?: boolean;
  readonly reason?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

/** `omni-box keys release`. */
export function releaseKeyCommand({ terminal, action }: CommandContext): Command {
  const command = new Command("release")
    .description("let a key go on: by what is to become of its failed events")
    .argument("<key>", "the partition key", someText(255))
    .option("--requeue", "try its failed events again, before the later ones")
    .option("--skip", "give its failed events up; they are kept as completed")
    .option("--discard", "remove its failed events from the table")
    .option("--reason <text>", "kept in the events' history; not with --discard", someText(300))
    .option("--dry-run", "change nothing, and say which events it would be")
    .option("--yes", "do not ask");
  return addStoreOptions(command).action(
    action(async (key: string, options: ReleaseOptions) => {
      const kind = chosenWay(options);
      const { reason, dryRun = false, yes = false } = options;
      const { store, consumerGroup } = chooseStore(options);
      if (store === "inbox" && consumerGroup === undefined) {
        throw CliFailure.usage("each consumer group of an inbox has keys of its own: name one with --group");
      }
      return withAdministration(options, terminal, async (administration) => {
        const filter: EventFilter = {
          partitionKeys: [key],
          statuses: ["failed"],
          ...(consumerGroup !== undefined && { consumerGroup }),
        };
        const request = { administration, kind, filter, reason };
        const expected = await changeEvents({ ...request, dryRun: true });
        if (expected.changed.length === 0) {
          throw CliFailure.needsAttention(
            `the key ${key} has no failed event in the ${store}: it is not blocked`,
            "STORE.NOT_FOUND",
          );
        }
        if (kind !== "requeue" && !dryRun && !yes) {
          request.filter = await confirmLoss(terminal, kind, expected, store, filter);
        }
        const report = dryRun ? expected : await changeEvents({ ...request, dryRun: false });
        writeResult(terminal, options, { key, ...report }, () => renderChanges(report));
        return isIncomplete(report, false) ? exitCodes.needsAttention : exitCodes.ok;
      });
    }),
  );
}

function chosenWay({ requeue, skip, discard, reason }: ReleaseOptions): ChangeKind {
  const ways = [requeue === true && "requeue", skip === true && "skip", discard === true && "purge"] as const;
  const [way, ...others] = ways.filter((one) => one !== false);
  if (way === undefined || others.length > 0) {
    throw CliFailure.usage("say what is to become of the failed events: one of --requeue, --skip, --discard");
  }
  if (way === "purge" && reason !== undefined) {
    throw CliFailure.usage("--reason is kept in the history of events, and --discard removes them: leave it out");
  }
  return way;
}
