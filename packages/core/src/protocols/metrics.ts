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

/** Where the relay's numbers go, beside its own snapshot. Called a few times per batch; it must not throw or block. */
export interface RelayMetricsRecorder {
  add(counter: RelayCounter, value: number): void;
  /** `lagMs`: from the event's insert to the recording of its outcome, of the oldest event of a batch, across the two machines' clocks. */
  record(measurement: RelayMeasurement, value: number): void;
}
