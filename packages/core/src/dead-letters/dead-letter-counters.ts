import type { MetricsRecorder } from "../protocols/metrics.js";

/** Everything that a dead-letter publisher counts. The unit is letters unless the name says otherwise. */
export type DeadLetterCounter =
  | "taken"
  /** Confirmed by the broker. */
  | "published"
  /** Publications that the broker refused, or that no queue wanted; each letter is tried again. */
  | "failed"
  /** Put off because of an outage. */
  | "deferred"
  /** Not sent: the worker was stopping, or too little of the lease was left. */
  | "released"
  /** Still on their way when the worker was stopped or the lease ran out; they are published again. */
  | "abandoned"
  /** What became of them could not be recorded; they are published again. */
  | "unrecorded"
  | "emptyPolls"
  | "pollErrors";

/** The counters of a dead-letter publisher since it was created. */
export type DeadLetterMetricsSnapshot = Readonly<Record<DeadLetterCounter, number>>;

/** Where the numbers of a dead-letter publisher go, a few times per batch. */
export type DeadLetterMetricsRecorder = MetricsRecorder<DeadLetterCounter, never>;

/** All counters at their beginning. */
export function noLettersYet(): Record<DeadLetterCounter, number> {
  return {
    taken: 0,
    published: 0,
    failed: 0,
    deferred: 0,
    released: 0,
    abandoned: 0,
    unrecorded: 0,
    emptyPolls: 0,
    pollErrors: 0,
  };
}
