/** What relay and inbox processor both count. The unit is events unless the name says otherwise. */
export type WorkerCounter =
  | "claimed"
  | "retried"
  | "deferred"
  | "failed"
  /** Of those failed: they killed their process in each of their lone starts. */
  | "crashed"
  | "released"
  /** Still in work when their lease ran out, or when the worker was stopped. */
  | "abandoned"
  | "leasesLost"
  | "outcomesUncertain"
  | "outcomesUnrecorded"
  | "batches"
  | "emptyPolls"
  | "pollErrors";

/** Everything that the relay counts. */
export type RelayCounter = WorkerCounter | "published";

/** Everything of which the relay records single values. */
export type RelayMeasurement = "batchSize" | "claimDurationMs" | "publishDurationMs" | "commitDurationMs" | "lagMs";

/** Everything that an inbox processor counts. */
export type InboxProcessorCounter =
  | WorkerCounter
  | "completed"
  /** Of those completed: the handler or a step said that there was nothing to do. */
  | "skipped"
  /** Of those retried or failed: nobody handles their kind. */
  | "noHandler";

/** Everything of which an inbox processor records single values. */
export type InboxProcessorMeasurement =
  | "batchSize"
  | "claimDurationMs"
  | "handlerDurationMs"
  | "commitDurationMs"
  | "lagMs";

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

/** Everything of which an inbox consumer records single values. */
export type InboxConsumerMeasurement = "batchSize" | "handlerDurationMs";

/** Where a worker's numbers go, beside its own snapshot. It must not throw or block. */
export interface MetricsRecorder<Counter extends string, Measurement extends string> {
  /**
   * `eventType`: of all the events that this call counts; left out where a counter is not about what became of single events. In an
   * inbox it is what senders say, and there is no bound to how many there are.
   */
  add(counter: Counter, value: number, eventType?: string): void;
  /** `eventType`: of the event that was handled, for `handlerDurationMs`; else left out. */
  record(measurement: Measurement, value: number, eventType?: string): void;
}

/**
 * Where the relay's numbers go, a few times per batch.
 *
 * `lagMs`: from the event's insert to the recording of its outcome, of the oldest event of a batch, across the two machines' clocks.
 */
export type RelayMetricsRecorder = MetricsRecorder<RelayCounter, RelayMeasurement>;

/** Where an inbox processor's numbers go, a few times per batch and once per handler. `lagMs`: as the relay's. */
export type InboxProcessorMetricsRecorder = MetricsRecorder<InboxProcessorCounter, InboxProcessorMeasurement>;

/** Where an inbox consumer's numbers go, a few times per message. `batchSize`: messages that shared a transaction. */
export type InboxConsumerMetricsRecorder = MetricsRecorder<InboxConsumerCounter, InboxConsumerMeasurement>;
