import { createTally, type Tally } from "../processor/tally.js";
import type { Logger } from "../protocols/logger.js";
import type {
  InboxConsumerCounter,
  InboxConsumerMeasurement,
  InboxConsumerMetricsRecorder,
} from "../protocols/metrics.js";
import type { OnHandled } from "./prepare-handling.js";

/** The counters of an inbox consumer since it was created. */
export type InboxConsumerMetricsSnapshot = Readonly<Record<InboxConsumerCounter, number>>;

/** Counts. */
export interface InboxConsumerCounters {
  /** One more; `eventType`: of this one message. */
  add(counter: InboxConsumerCounter, eventType?: string): void;
  readonly record: Tally<InboxConsumerCounter, InboxConsumerMeasurement>["record"];
  snapshot(): InboxConsumerMetricsSnapshot;
  /** `null`: nobody wants to know. */
  readonly onHandled: OnHandled | null;
}

export function createInboxConsumerCounters(
  recorder: InboxConsumerMetricsRecorder | undefined,
  logger: Logger,
): InboxConsumerCounters {
  const tally = createTally<InboxConsumerCounter, InboxConsumerMeasurement>(nothingYet, recorder, logger);
  return {
    add: (counter, eventType) => tally.add(counter, 1, eventType),
    record: tally.record,
    snapshot: tally.snapshot,
    onHandled: tally.isRecorded ? ({ type }, durationMs) => tally.record("handlerDurationMs", durationMs, type) : null,
  };
}

const nothingYet: InboxConsumerMetricsSnapshot = Object.freeze({
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
});
