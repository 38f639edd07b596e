import type { FailureDescription } from "../errors/describe-failure.js";
import type { InboxRow } from "../protocols/inbox-event-repository.js";
import type { InboxConsumerCounter } from "../protocols/metrics.js";
import type { Delivery } from "./inbox-consumer-delivery.js";
import { type Verdict, withdrawn } from "./inbox-consumer-verdict.js";
import type { StoreWriter } from "./store-writer.js";

/** What a stored message counts as, and how the broker is told. */
export interface StoredAs {
  readonly counters: readonly InboxConsumerCounter[];
  readonly failure: FailureDescription | null;
  /** `true`: a transaction that was to complete it may have been committed before. */
  readonly mayBeCommitted?: boolean;
  /** Default `ack`. */
  readonly settle?: "ack" | "deadLetter";
}

/** Stores a message and only then lets the broker forget it. */
export type StoreMessage = (delivery: Delivery, row: InboxRow, storedAs: StoredAs) => Promise<Verdict>;

/** @param nudge - called when the processor has something to do at once */
export function createStoreMessage(writer: StoreWriter, nudge: () => void): StoreMessage {
  return async (delivery, row, { counters, failure, mayBeCommitted = false, settle = "ack" }) => {
    const written = await writer.store(delivery, row);
    if (written === null) return withdrawn(delivery);
    const { answer, refusal } = written;
    if (answer === null) return { counters: ["failed"], settle: "deadLetter", eventId: null, failure: refusal };
    const eventId = answer.kind === "blocked" ? null : answer.id;
    // A row of the draft's own id is ours: the answer to the first try was lost.
    if (answer.kind === "duplicate" && answer.id !== delivery.draft.id) {
      // Settled like the first delivery, which may have died between its row and its settlement.
      return { counters: ["duplicates"], settle, eventId, failure: null };
    }
    if (mayBeCommitted && answer.kind === "duplicate" && answer.status === "completed")
      return { counters: ["processed"], settle, eventId, failure: null };
    if (refusal !== null) return { counters: ["failed"], settle, eventId, failure: refusal };
    if (row.status === "pending" && row.delayMs === null) nudge();
    return { counters, settle, eventId, failure };
  };
}
