import type { EventFilter, EventStatus } from "@omni-box/core";
import { Command } from "commander";
import { type ChangeKind, changeEvents, changeWords, isIncomplete } from "../../changes/change-events.js";
import { confirmLoss } from "../../changes/confirm-loss.js";
import { renderChanges } from "../../changes/render-changes.js";
import { CliFailure } from "../../cli-failure.js";
import type { CommandContext } from "../../create-program.js";
import { withAdministration } from "../../database/with-administration.js";
import { exitCodes } from "../../exit-codes.js";
import { addFilterOptions, type FilterOptions, hasFilter, toEventFilter } from "../../options/filter-options.js";
import { someText, wholeNumber } from "../../options/parse-option.js";
import { addStoreOptions, chooseStore, type StoreChoice, type StoreOptions } from "../../options/shared-options.js";
import { writeResult } from "../../render/write-result.js";

interface ChangeOptions extends StoreOptions, FilterOptions {
  readonly all?: boolean;
  readonly limit?: number;
  readonly reason?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

const descriptions: Readonly<Record<ChangeKind, string>> = {
  requeue: "make failed events pending again, with their places in the order of their keys",
  skip: "give failed events up, so that their keys go on behind them",
  purge: "remove failed and completed events from the table",
};

const changeable: Readonly<Record<ChangeKind, readonly EventStatus[]>> = {
  requeue: ["failed"],
  skip: ["failed"],
  purge: ["failed", "completed"],
};

/** `omni-box events requeue`, `skip` and `purge`. */
export function changeCommand({ terminal, action }: CommandContext, kind: ChangeKind): Command {
  const statuses = changeable[kind];
  const command = new Command(kind)
    .description(descriptions[kind])
    .argument("[ids...]", "ids of events")
    .option("--all", `all ${statuses.join(" and ")} events, where no id and no filter is given`)
    .option("--limit <number>", "how many at most, the lowest seq first; default: all", wholeNumber(1, 1_000_000_000))
    .option("--dry-run", "change nothing, and say what would be changed");
  if (kind !== "purge") command.option("--reason <text>", "kept in the events' history", someText(300));
  if (kind !== "requeue") command.option("--yes", "do not ask");
  addFilterOptions(command, statuses.length > 1 ? statuses : []);

  return addStoreOptions(command).action(
    action(async (ids: string[], options: ChangeOptions) => {
      requireChoice(ids, options);
      const { limit, reason, dryRun = false, yes = false } = options;
      const choice = chooseStore(options);
      const filter = chosenFilter(ids, options, choice);
      return withAdministration(options, terminal, async (administration) => {
        const request = { kind, filter, limit, reason, administration };
        if (kind !== "requeue" && !dryRun && !yes) {
          const expected = await changeEvents({ ...request, dryRun: true });
          if (expected.changed.length > 0) {
            const more = expected.more && expected.changed.length !== limit;
            request.filter = await confirmLoss(terminal, kind, { ...expected, more }, choice.store, filter);
          }
        }
        const progress = terminal.showProgress(changeWords[kind].progress);
        const report = await changeEvents({
          ...request,
          dryRun,
          onProgress: (count) => progress.update(`${changeWords[kind].progress}: ${count}`),
        }).finally(() => progress.end());
        writeResult(terminal, options, report, () => renderChanges(report));
        return isIncomplete(report, report.changed.length === limit) ? exitCodes.needsAttention : exitCodes.ok;
      });
    }),
  );

  /** Ids that are in the wrong state are refused one by one; a filter means only those that can be changed. */
  function chosenFilter(ids: readonly string[], options: ChangeOptions, choice: StoreChoice): EventFilter {
    const filter = toEventFilter(options, choice, ids);
    return ids.length > 0 || filter.statuses !== undefined ? filter : { ...filter, statuses };
  }
}

/** A forgotten filter must not mean everything. */
function requireChoice(ids: readonly string[], options: ChangeOptions): void {
  const isChosen = ids.length > 0 || hasFilter(options) || options.group !== undefined;
  if (options.all === true && isChosen)
    throw CliFailure.usage("--all means everything: leave it out beside ids and filters");
  if (options.all !== true && !isChosen)
    throw CliFailure.usage("say which events: by their ids, by a filter, or --all");
}
