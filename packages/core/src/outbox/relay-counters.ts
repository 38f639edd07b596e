import { describeFailure } from "../errors/describe-failure.js";
import type { OutboxEvent } from "../events/outbox-event.js";
import { countBatch, countClaim, countCrashed, noWorkYet } from "../processor/count-work.js";
import type { WorkerCounters } from "../processor/worker-loop.js";
import type { Clock } from "../protocols/clock.js";
import type { Logger } from "../protocols/logger.js";
import type { RelayCounter, RelayMeasurement, RelayMetricsRecorder } from "../protocols/metrics.js";

/** The relay's counters since it was created. */
export type RelayMetricsSnapshot = Readonly<Record<RelayCounter, number>>;

/** Counts for the snapshot and passes everything on to the application's recorder. */
export interface RelayCounters extends WorkerCounters<OutboxEvent> {
  snapshot(): RelayMetricsSnapshot;
}

export function createRelayCounters(
  recorder: RelayMetricsRecorder | undefined,
  clock: Clock,
  logger: Logger,
): RelayCounters {
  const totals: Record<RelayCounter, number> = { ...noWorkYet(), published: 0 };
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
      countClaim(add, events);
      if (events > 0) record("batchSize", events);
    },
    pollFailed: () => add("pollErrors", 1),
    crashed: (events) => countCrashed(add, events),
    finished(result) {
      const { results, counts, handleDurationMs, commitDurationMs } = result;
      add("published", counts.completed);
      countBatch(add, result);
      record("publishDurationMs", handleDurationMs);
      record("commitDurationMs", commitDurationMs);
      const oldest = results.find(({ outcome }) => outcome.kind === "completed");
      if (oldest !== undefined) record("lagMs", clock.now() - oldest.event.createdAt.getTime());
    },
  };
}
