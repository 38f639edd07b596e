/** Everything that an inbox consumer counts. The unit is messages unless the name says otherwise. */
export type InboxConsumerCounter =
  | "received"
  /** Handled with success on arrival. */
  | "processed"
  /** Of those processed: older than an event of their key that had been handled, so that their handler was not called. */
  | "stale"
  /** Stored before, by this or another delivery. */
  | "duplicates"
  /** Stored for the processor, no attempt spent. */
  | "stored"
  /** Their attempt failed; stored for the processor, or put back to the broker with `onSuccess`. */
  | "retried"
  /** Given up on arrival: stored as failed, or lost with `atMostOnce`. */
  | "failed"
  | "undecodable"
  | "deadLettered"
  /** Refused by the store in every form: dead-lettered where the broker keeps dead letters, else kept in hand and tried on. */
  | "unstorable"
  /** Given back to the broker by a stop. */
  | "requeued"
  /** Their channel had gone before their handling began; they come again. */
  | "lost"
  /** Of those stored or retried: nobody handles their kind. */
  | "noHandler"
  /** Of those stored: redelivered so often that they may kill their process. */
  | "suspects"
  /** Of those stored: behind an earlier pending event of their key. */
  | "blocked"
  /** Collisions with other transactions. */
  | "conflicts"
  /** Statements and transactions that the store did not answer. */
  | "storeErrors"
  /** Transactions of several messages that were rolled back and done again message by message. */
  | "batchesRepeated";

/** The counters of an inbox consumer since it was created. */
export type InboxConsumerMetricsSnapshot = Readonly<Record<InboxConsumerCounter, number>>;

/** Counts. */
export interface InboxConsumerCounters {
  add(counter: InboxConsumerCounter): void;
  snapshot(): InboxConsumerMetricsSnapshot;
}

export function createInboxConsumerCounters(): InboxConsumerCounters {
  const totals: Record<InboxConsumerCounter, number> = {
    received: 0,
    processed: 0,
    stale: 0,
    duplicates: 0,
    stored: 0,
    retried: 0,
    failed: 0,
    undecodable: 0,
    deadLettered: 0,
    unstorable: 0,
    requeued: 0,
    lost: 0,
    noHandler: 0,
    suspects: 0,
    blocked: 0,
    conflicts: 0,
    storeErrors: 0,
    batchesRepeated: 0,
  };
  return {
    add: (counter) => {
      totals[counter] += 1;
    },
    snapshot: () => ({ ...totals }),
  };
}
