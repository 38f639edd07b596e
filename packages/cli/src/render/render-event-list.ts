import { renderTime } from "./age.js";
import type { ShownEvent } from "./event-document.js";
import { renderTable } from "./table.js";
import { toJson } from "./to-json.js";

/** Errors and keys are cut to this, so that a row has a chance to fit; `events show` has all of it. */
const cellMaxLength = 60;

/** Events as rows. */
export function renderEventList(events: readonly ShownEvent[], showPayload: boolean): string {
  const columns = showPayload ? [...headings, "PAYLOAD"] : headings;
  return renderTable(
    columns,
    events.map(({ event }) => [
      event.seq.toString(),
      event.id,
      event.status,
      event.type,
      cut(event.partitionKey),
      `${event.attemptsMade}/${event.maxAttempts}`,
      renderTime(event.createdAt),
      event.lastError === null ? "-" : shortError(event.lastError, event.id),
      ...(showPayload ? [toJson(event.payload)] : []),
    ]),
  );
}

/** The beginning of an error, without the id that the row has already. */
export function shortError(error: string, eventId: string): string {
  return cut(error.replace(`message ${eventId}: `, ""));
}

const headings = ["SEQ", "ID", "STATUS", "TYPE", "KEY", "ATTEMPTS", "CREATED", "LAST ERROR"];

/** The beginning of a text that is too long for a table. */
function cut(text: string): string {
  const characters = [...text];
  return characters.length <= cellMaxLength ? text : `${characters.slice(0, cellMaxLength - 1).join("")}…`;
}
