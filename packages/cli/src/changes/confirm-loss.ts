import type { EventFilter } from "@omni-box/core";
import { CliFailure } from "../cli-failure.js";
import type { Terminal } from "../terminal/terminal.js";
import { type ChangeReport, changeWords } from "./change-events.js";
import { countEvents } from "./render-changes.js";

const losses = {
  skip: { outbox: "will never be published", inbox: "will never be handled" },
  purge: {
    outbox: "are gone for good",
    inbox: "are gone for good; repetitions of their messages are then taken for new ones",
  },
} as const;

/**
 * Asks before events are lost.
 *
 * @returns the filter for what was agreed to: events that came to match it while the question stood there are not among them
 *
 * @throws {CliFailure} when nobody can be asked, or the answer is not yes.
 */
export async function confirmLoss(
  terminal: Terminal,
  kind: keyof typeof losses,
  { changed, more }: ChangeReport,
  store: "outbox" | "inbox",
  filter: EventFilter,
): Promise<EventFilter> {
  const verb = kind === "skip" ? "skip" : "remove";
  const question = `${verb} ${more ? "at least " : ""}${countEvents(changed.length)} of the ${store}? They ${losses[kind][store]}.`;
  if (!terminal.isInteractive) {
    throw CliFailure.usage(
      `${countEvents(changed.length)} would be ${changeWords[kind].done}, and nobody can be asked here: give --yes, or look with --dry-run`,
    );
  }
  if (!(await terminal.confirm(question)))
    throw CliFailure.notDone("nothing was changed, as you wished", "CLI.DECLINED");
  // Of "at least" so many, more than were looked at are agreed to. Named events stay named, so that each is accounted for.
  return more || filter.ids !== undefined ? filter : { ...filter, ids: changed.map(({ id }) => id) };
}
