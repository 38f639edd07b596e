import type { InboxEvent } from "../events/inbox-event.js";
import { highestOfEachKey, type KeySequence, newerInTurn, sequenceName } from "../events/key-sequence.js";
import type { MemoryEventStore } from "./memory-event-store.js";
import type { OpenTransaction } from "./memory-transaction.js";

/** Raises sequences in a transaction; see `InboxTransaction.raiseSequences`. */
export type RaiseSequences = (sequences: readonly KeySequence[], open: OpenTransaction) => Promise<readonly boolean[]>;

/** The sequences of all keys, with the locks of the store whose transactions raise them. */
export function createMemoryKeySequences(store: MemoryEventStore<InboxEvent>): RaiseSequences {
  const committed = new Map<string, bigint>();
  const uncommitted = new WeakMap<OpenTransaction, Map<string, bigint>>();
  return (sequences, open) => {
    const highest = highestOfEachKey(sequences);
    const lockNames = highest.map(lockName).sort();
    return store.whenFree(lockNames, open, () => {
      for (const name of lockNames) store.lock(name, open);
      const own = uncommitted.get(open) ?? new Map<string, bigint>();
      uncommitted.set(open, own);
      const lastSeqOf = (sequence: KeySequence) => {
        const name = sequenceName(sequence);
        return own.get(name) ?? committed.get(name) ?? null;
      };
      const areNewer = newerInTurn(sequences, lastSeqOf);
      for (const sequence of highest) {
        const lastSeq = lastSeqOf(sequence);
        if (lastSeq !== null && lastSeq >= sequence.seq) continue;
        own.set(sequenceName(sequence), sequence.seq);
        open.atCommit(() => void committed.set(sequenceName(sequence), sequence.seq));
      }
      return areNewer;
    });
  };
}

function lockName(sequence: KeySequence): string {
  return `sequence ${sequenceName(sequence)}`;
}
