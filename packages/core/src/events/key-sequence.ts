import type { InboxEvent } from "./inbox-event.js";

/** Where an event stands in the sequence of its key, as one consumer group sees it. */
export interface KeySequence extends Pick<InboxEvent, "consumerGroup" | "topic" | "partitionKey"> {
  readonly seq: bigint;
}

/** What two events have in common whose numbers are compared. */
export function sequenceName({ consumerGroup, topic, partitionKey }: Omit<KeySequence, "seq">): string {
  return JSON.stringify([consumerGroup, topic, partitionKey]);
}

/** The highest number of each key, once per key; for repositories, which raise a key by one statement. */
export function highestOfEachKey(sequences: readonly KeySequence[]): KeySequence[] {
  const highest = new Map<string, KeySequence>();
  for (const sequence of sequences) {
    const name = sequenceName(sequence);
    const known = highest.get(name);
    if (known === undefined || known.seq < sequence.seq) highest.set(name, sequence);
  }
  return [...highest.values()];
}

/**
 * For repositories: whether each event is newer than all of its key before it, those before it in the list among them.
 *
 * @param lastSeqOf - the key's number before the list; `null` when it has none
 */
export function newerInTurn(
  sequences: readonly KeySequence[],
  lastSeqOf: (sequence: KeySequence) => bigint | null,
): boolean[] {
  const last = new Map<string, bigint | null>();
  return sequences.map((sequence) => {
    const name = sequenceName(sequence);
    const lastSeq = last.has(name) ? last.get(name) : lastSeqOf(sequence);
    const isNewer = lastSeq === null || lastSeq === undefined || lastSeq < sequence.seq;
    last.set(name, isNewer ? sequence.seq : lastSeq);
    return isNewer;
  });
}
