import { z } from "zod";
import { functionOption } from "../errors/validate-options.js";
import type { InboxEvent } from "../events/inbox-event.js";
import type { KeySequence } from "../events/key-sequence.js";
import { type Outcome, outcome } from "../pipeline/outcome.js";
import type { InboxTransaction } from "../protocols/inbox-event-repository.js";

/**
 * What is done with an event that is older than another one of its key which has been handled.
 *
 * `handle`: handle it. `stale`: complete it without calling its handler. For handlers that overwrite state with what the event
 * says, so that the last write must win. Not for handlers that need every event: an event that comes late, for the
 * first time, is not handled at all.
 */
export type OlderEvents = "handle" | "stale";

/** The option `olderEvents`: the same for all events, or a function that says it of each. Must not throw. */
export type OlderEventsOption = OlderEvents | ((event: InboxEvent) => OlderEvents);

/** The rules of {@link OlderEventsOption}. */
export const olderEventsOption = z
  .union([z.enum(["handle", "stale"]), functionOption<(event: InboxEvent) => OlderEvents>("(event)")], {
    error: 'expected "handle", "stale" or a function of the event that returns one of them',
  })
  .default("handle");

/** Whether sequences are used at all, and have to be there. */
export function usesSequences(option: OlderEventsOption): boolean {
  return option !== "handle";
}

/** Where the event stands in the sequence of its key; `null` when it is handled wherever it stands. */
export function sequenceToCheck(event: InboxEvent, option: OlderEventsOption): KeySequence | null {
  const { senderSeq: seq, consumerGroup, topic, partitionKey } = event;
  if (option === "handle" || seq === null) return null;
  const rule = option === "stale" ? option : option(event);
  return rule === "stale" ? { consumerGroup, topic, partitionKey, seq } : null;
}

/**
 * Raises the sequences of those events that have one, in one statement of their transaction, and says which are stale. Answers
 * in the order given; without a sequence an event is never stale, and without any no statement is sent.
 */
export async function findStale<Tx>(
  tx: InboxTransaction<Tx>,
  sequences: readonly (KeySequence | null)[],
): Promise<readonly boolean[]> {
  const checked = sequences.filter((sequence) => sequence !== null);
  if (checked.length === 0) return sequences.map(() => false);
  const areNewer = await tx.raiseSequences(checked);
  let next = 0;
  return sequences.map((sequence) => {
    if (sequence === null) return false;
    const isNewer = areNewer[next] ?? true;
    next += 1;
    return !isNewer;
  });
}

/** What a stale event comes to. */
export function staleOutcome(): Outcome {
  return outcome.completed("stale: a later event of its key was handled before");
}
