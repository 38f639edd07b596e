import { describeFailure } from "../errors/describe-failure.js";
import type { OutboxEvent } from "../events/outbox-event.js";
import type { BatchProcessingResult } from "../processor/event-batch-processor.js";
import type { Clock } from "../protocols/clock.js";
import type { Logger } from "../protocols/logger.js";
import type { RelayCounter, RelayMeasurement, RelayMetricsRecorder } from "../protocols/metrics.js";

/** The relay's counters since it was created. */
export type RelayMetricsSnapshot = Readonly<Record<RelayCounter, number>>;

/** Counts for the snapshot and passes everything on to the application's recorder. */
export interface RelayCounters {
  snapshot(): RelayMetricsSnapshot;
  claimed(events: number, durationMs: number): void;
  pollFailed(): void;
  finished(result: BatchProcessingResult<OutboxEvent>): void;
}

export function createRelayCounters(
  recorder: RelayMetricsRecorder | undefined,
  clock: Clock,
  logger: Logger,
): RelayCounters {
  const totals: Record<RelayCounter, number> = {
    claimed: 0,
    published: 0,
    retried: 0,
    deferred: 0,
    failed: 0,
    released: 0,
    abandoned: 0,
    leasesLost: 0,
    outcomesUncertain: 0,
    outcomesUnrecorded: 0,
    batches: 0,
    emptyPolls: 0,
    pollErrors: 0,
  };
  let hasFailed = false;
  /** Calls the application's code, whose bugs must not end the relay. */
  const tell = (call: (given: RelayMetricsRecorder) => void) => {
    if (recorder === undefined) return;
    try {
      call(recorder);
    } catch (error) {
      if (!hasFailed)
        logger.error({ ...describeFailure(error) }, "the metrics recorder throws; its numbers are incomplete");
      hasFailed = true;
    }
  };
  const add = (counter: RelayCounter, value: number) => {
    if (value === 0) return;
    totals[counter] += value;
    tell((given) => given.add(counter, value));
  };
  const record = (measurement: RelayMeasurement, value: number) => tell((given) => given.record(measurement, value));
  return {
    snapshot: () => ({ ...totals }),
    claimed(events, durationMs) {
      record("claimDurationMs", durationMs);
      add(events === 0 ? "emptyPolls" : "batches", 1);
      add("claimed", events);
      if (events > 0) record("batchSize", events);
    },
    pollFailed: () => add("pollErrors", 1),
    finished({ results, counts, abandoned, lost, uncertain, unrecorded, handleDurationMs, commitDurationMs }) {
      add("published", counts.completed);
      add("retried", counts.retry);
      add("deferred", counts.defer);
      add("failed", counts.failed);
      add("released", counts.release);
      add("abandoned", abandoned.length);
      add("leasesLost", lost.length);
      add("outcomesUncertain", uncertain.length);
      add("outcomesUnrecorded", unrecorded.length);
      record("publishDurationMs", handleDurationMs);
      record("commitDurationMs", commitDurationMs);
      const oldest = results.find(({ outcome }) => outcome.kind === "completed");
      if (oldest !== undefined) record("lagMs", clock.now() - oldest.event.createdAt.getTime());
    },
  };
}
