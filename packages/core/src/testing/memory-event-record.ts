import { limits } from "../defaults.js";
import type { BaseEvent } from "../events/outbox-event.js";
import type { EventHistoryEntry } from "../protocols/event-administration.js";

/** What only an administration reads of a stored event. */
export interface EventRecord {
  readonly failedAt: Date | null;
  readonly deadLetteredAt: Date | null;
  readonly deadLetterAttempts: number;
  /** Its dead letter is not due before. */
  readonly deadLetterAt: Date | null;
  readonly history: readonly EventHistoryEntry[];
}

/** That of an event to which nothing has happened. */
export const blankRecord: EventRecord = Object.freeze({
  failedAt: null,
  deadLetteredAt: null,
  deadLetterAttempts: 0,
  deadLetterAt: null,
  history: Object.freeze([]),
});

/** That of an event which is stored for the first time, in the state that its first attempt has left. */
export function firstRecord({
  status,
  attemptsMade,
  lastError: note,
  createdAt: at,
}: Pick<BaseEvent, "status" | "attemptsMade" | "lastError" | "createdAt">): Partial<EventRecord> {
  if (status === "failed") return { failedAt: at, history: withEntry([], { at, what: "failed", attemptsMade, note }) };
  if (status !== "pending" || attemptsMade === 0) return {};
  return { history: withEntry([], { at, what: "retried", attemptsMade, note }) };
}

/** A history with one more entry: bounded, and with the last one only of dead letters that failed one after the other. */
export function withEntry(
  history: readonly EventHistoryEntry[],
  { note, ...entry }: EventHistoryEntry,
): readonly EventHistoryEntry[] {
  const replaces = entry.what === "deadLetterFailed" && history.at(-1)?.what === "deadLetterFailed";
  const former = replaces ? history.slice(0, -1) : history;
  const short = note === null ? null : [...note].slice(0, limits.historyNoteMaxLength).join("");
  return Object.freeze([...former.slice(1 - limits.historyMaxEntries), Object.freeze({ ...entry, note: short })]);
}
