import type { OutboxEvent } from "../events/outbox-event.js";
import { countBatch, countClaim, countCrashed, noWorkYet } from "../processor/count-work.js";
import { createTally } from "../processor/tally.js";
import type { WorkerCounters } from "../processor/worker-loop.js";
import type { Clock } from "../protocols/clock.js";
import type { Logger } from "../protocols/logger.js";
import type { RelayCounter, RelayMeasurement, RelayMetricsRecorder } from "../protocols/metrics.js";

/** The relay's counters since it was created. */
export type RelayMetricsSnapshot = Readonly<Record<RelayCounter, number>>;

/** Counts what the relay's loop tells. */
export interface RelayCounters extends WorkerCounters<OutboxEvent> {
  snapshot(): RelayMetricsSnapshot;
}

export function createRelayCounters(
  recorder: RelayMetricsRecorder | undefined,
  clock: Clock,
  logger: Logger,
): RelayCounters {
  const tally = createTally<RelayCounter, RelayMeasurement>({ ...noWorkYet(), published: 0 }, recorder, logger);
  return {
    snapshot: tally.snapshot,
    claimed: (events, durationMs) => countClaim(tally, events, durationMs),
    pollFailed: () => tally.add("pollErrors", 1),
    crashed: (events) => countCrashed(tally, events),
    finished(result) {
      const { results, handleDurationMs, commitDurationMs } = result;
      countBatch(tally, result, "published");
      tally.record("publishDurationMs", handleDurationMs);
      tally.record("commitDurationMs", commitDurationMs);
      const oldest = results.find(({ outcome }) => outcome.kind === "completed");
      if (oldest !== undefined) tally.record("lagMs", clock.now() - oldest.event.createdAt.getTime());
    },
  };
}
