import { renderTable } from "../render/table.js";
import { type ChangeReport, changeWords } from "./change-events.js";

/** More would hide the summary below them. */
const listedMax = 20;

/** What became of the events, and what did not. */
export function renderChanges({
  action,
  dryRun,
  changed,
  refused,
  missingIds,
  leftOutIds,
  more,
}: ChangeReport): string {
  const { done } = changeWords[action];
  const isMatchless = changed.length + refused.length + missingIds.length + leftOutIds.length === 0 && !more;
  const lines = [
    ...(changed.length > 0
      ? [
          renderTable(
            ["SEQ", "ID"],
            changed.slice(0, listedMax).map(({ seq, id }) => [`${seq}`, id]),
          ),
        ]
      : []),
    ...(changed.length > listedMax ? [`… and ${changed.length - listedMax} more\n`] : []),
    ...refused.map(({ id, status }) => `${id} is ${status}: it cannot be ${done}\n`),
    ...missingIds.map((id) => `${id} does not exist\n`),
    ...leftOutIds.map(
      (id) => `${id} was left out: ${more ? "somebody has locked it, or " : ""}the filters do not match it\n`,
    ),
    isMatchless ? `no event matches: nothing ${dryRun ? "would be" : "was"} ${done}\n` : summary(),
    ...(more ? [moreLine()] : []),
  ];
  return lines.join("");

  function moreLine(): string {
    if (dryRun) return "There may be more.\n";
    if (changed.length > 0) return "There may be more: run it again.\n";
    return "There are more, and somebody has locked them at this moment: run it again.\n";
  }

  function summary(): string {
    return `${dryRun ? "would be " : ""}${done}: ${countEvents(changed.length)}\n`;
  }
}

/** `1 event`, `2 events`. */
export function countEvents(count: number): string {
  return `${count} ${count === 1 ? "event" : "events"}`;
}
