import { defaults } from "../defaults.js";
import type { FailureDescription } from "../errors/describe-failure.js";
import { waitOrAbort } from "../internal/wait-or-abort.js";
import type { Clock } from "../protocols/clock.js";
import type { InboxEventRepository, InboxRow, StoredMessage } from "../protocols/inbox-event-repository.js";
import type { Logger } from "../protocols/logger.js";
import { fullJitterBackoffMs } from "../resilience/backoff.js";
import type { InboxConsumerCounters } from "./inbox-consumer-counters.js";
import type { Delivery } from "./inbox-consumer-delivery.js";
import { createWaitingLine } from "./inbox-consumer-waiting-line.js";
import { attemptStore } from "./store-attempt.js";
import type { StoreGate } from "./store-gate.js";
import { rowsWithoutRefusedValues } from "./store-row.js";

/** What became of one row. */
export interface WrittenRow {
  /** `null`: it took it in no form, and is not asked again because the broker keeps dead letters. */
  readonly answer: StoredMessage | null;
  /** Why the store did not take the row as it was given, so that only the little that it takes was stored; else `null`. */
  readonly refusal: FailureDescription | null;
}

/** Stores messages by themselves, as many in one statement as are waiting, and one statement after the other. */
export interface StoreWriter {
  /** Resolves when the row is stored, however long that takes; `null` when it was withdrawn before. Never rejects. */
  store(delivery: Delivery, row: InboxRow): Promise<WrittenRow | null>;
  /** Messages that the store refuses in every form and that are tried on. */
  readonly unstorable: number;
}

/** What a writer works with. */
export interface StoreWriterParts<Tx> {
  readonly repository: InboxEventRepository<Tx>;
  readonly gate: StoreGate;
  readonly counters: InboxConsumerCounters;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly batchSize: number;
  /** `true`: a row that has to wait for a conflict holds all later ones back. */
  readonly inOrder: boolean;
  /** Whether the broker keeps what cannot be stored. */
  readonly deadLetters: boolean;
  /** Aborted when nobody waits for the rows any more. */
  readonly abandon: AbortSignal;
}

interface Entry {
  readonly delivery: Delivery;
  /** What is to be written; what is left of it after refusals. */
  row: InboxRow;
  readonly lesserRows: InboxRow[];
  refusal: FailureDescription | null;
  conflicts: number;
  readonly resolve: (written: WrittenRow | null) => void;
}

export function createStoreWriter<Tx>(parts: StoreWriterParts<Tx>): StoreWriter {
  const { repository, gate, counters, clock, logger, batchSize, inOrder, deadLetters, abandon } = parts;
  const line = createWaitingLine<Entry>();
  const unstorable = new Set<Delivery>();
  let isWriting = false;

  async function write(): Promise<void> {
    while (line.size > 0) await flush(nextBatch());
    isWriting = false;
  }

  /** What has met a conflict is tried by itself, so that it holds up nothing else again. */
  function nextBatch(): readonly Entry[] {
    const [first] = line.take(1);
    if (first === undefined || first.conflicts > 0) return first === undefined ? [] : [first];
    return [first, ...line.take(batchSize - 1, ({ conflicts }) => conflicts === 0)];
  }

  async function flush(given: readonly Entry[]): Promise<void> {
    for (;;) {
      const entries = stillWanted(given);
      if (entries.length === 0) return;
      const rows = entries.map(({ row }) => row);
      const result = await gate.attempt(
        abandon,
        async () => (entries.some(({ delivery }) => delivery.isLost) ? null : attemptStore(repository, rows)),
        (attempt) => (attempt.kind === "outage" ? attempt.failure : null),
      );
      // `null`: abandoned, or some were lost meanwhile, which `stillWanted` deals with.
      if (result === null) continue;
      switch (result.kind) {
        case "stored":
          entries.forEach(({ resolve, refusal }, index) => {
            const answer = result.answers[index];
            resolve(answer === undefined ? null : { answer, refusal });
          });
          return;
        case "outage":
          counters.add("storeErrors");
          continue;
        case "conflict":
          counters.add("conflicts");
          break;
        case "refused":
          break;
      }
      if (entries.length > 1) {
        for (const entry of entries) await flush([entry]);
        return;
      }
      for (const entry of entries) {
        if (result.kind === "refused" && giveWay(entry, result.failure)) continue;
        if (deadLetters && unstorable.has(entry.delivery))
          return entry.resolve({ answer: null, refusal: entry.refusal });
        if (await setAside(entry)) return;
      }
    }
  }

  /** @returns `true` when the entry will be back in the line, `false` when it is to be tried again where it is */
  async function setAside(entry: Entry): Promise<boolean> {
    entry.conflicts += 1;
    const delayMs = fullJitterBackoffMs(entry.conflicts, defaults.conflictBaseMs, defaults.conflictMaxMs);
    if (inOrder) {
      await waitOrAbort(clock, delayMs, abandon);
      return false;
    }
    void waitOrAbort(clock, delayMs, abandon).then(() => enqueue(entry));
    return true;
  }

  /** @returns `false` when there is nothing left to leave out: only the store can change its mind */
  function giveWay(entry: Entry, failure: FailureDescription): boolean {
    const { delivery, row, lesserRows, refusal } = entry;
    if (refusal === null) {
      const fields = { messageId: delivery.draft.messageId, source: delivery.draft.source, code: failure.code };
      logger.error(fields, `the store refuses a message, which is stored as failed: ${failure.message}`);
      entry.refusal = failure;
      lesserRows.push(...rowsWithoutRefusedValues(row, delivery, failure));
    }
    const lesser = lesserRows.shift();
    if (lesser === undefined) refuseWholly(entry, failure);
    entry.row = lesser ?? row;
    return lesser !== undefined;
  }

  function refuseWholly({ delivery }: Entry, { code, message }: FailureDescription): void {
    if (unstorable.has(delivery)) return;
    unstorable.add(delivery);
    counters.add("unstorable");
    const what = deadLetters ? "it is dead-lettered" : "it stays in hand, and is tried on";
    const fields = { messageId: delivery.draft.messageId, source: delivery.draft.source, code };
    logger.error(fields, `the store refuses a message in every form, ${what}: ${message}`);
  }

  function stillWanted(entries: readonly Entry[]): readonly Entry[] {
    return entries.filter(({ delivery, resolve }) => {
      const isWanted = !delivery.isLost && !abandon.aborted;
      if (!isWanted) resolve(null);
      return isWanted;
    });
  }

  function enqueue(entry: Entry): void {
    line.join(entry.delivery, entry, () => entry.resolve(null));
    if (isWriting) return;
    isWriting = true;
    // In a turn of its own, so that messages which arrive together share a statement.
    queueMicrotask(() => void write());
  }

  abandon.addEventListener("abort", () => line.withdrawAll(), { once: true });

  return {
    store: (delivery, row) =>
      new Promise<WrittenRow | null>((resolve) => {
        enqueue({ delivery, row, lesserRows: [], refusal: null, conflicts: 0, resolve });
      }).finally(() => unstorable.delete(delivery)),
    get unstorable() {
      return unstorable.size;
    },
  };
}
