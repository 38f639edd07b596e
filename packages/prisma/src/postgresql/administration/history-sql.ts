import { type EventHistoryEntry, limits } from "@omni-box/core";

/** What an entry says, as SQL. */
export interface HistoryEntrySql {
  readonly attemptsMade: string;
  /** Text, or null. */
  readonly note: string;
}

const { historyMaxEntries, historyNoteMaxLength } = limits;

/** A list with one entry. */
export function historyEntrySql(what: EventHistoryEntry["what"], { attemptsMade, note }: HistoryEntrySql): string {
  return `jsonb_build_array(jsonb_build_object('at', statement_timestamp()::timestamptz(3), 'what', '${what}',
            'attemptsMade', ${attemptsMade}, 'note', left(${note}, ${historyNoteMaxLength})))`;
}

/**
 * The history of the row `event` with one more entry, without the first one when it is full.
 *
 * Of dead letters that failed one after the other the last one is enough: a broker that is away for a day must not push out why
 * the event failed.
 */
export function appendedHistorySql(what: EventHistoryEntry["what"], entry: HistoryEntrySql): string {
  const former =
    what === "deadLetterFailed"
      ? "CASE WHEN event.history -> -1 ->> 'what' = 'deadLetterFailed' THEN event.history - -1 ELSE event.history END"
      : "event.history";
  return `CASE WHEN jsonb_array_length(${former}) >= ${historyMaxEntries} THEN (${former}) - 0 ELSE ${former} END
          || ${historyEntrySql(what, entry)}`;
}
