import type { OutboxEvent } from "../events/outbox-event.js";
import type { BatchProcessingResult } from "../processor/event-batch-processor.js";
import type { Clock } from "../protocols/clock.js";
import type { RelayCounter, RelayMetricsRecorder } from "../protocols/metrics.js";

/** The relay's counters since it was created. */
export type RelayMetricsSnapshot = Readonly<Record<RelayCounter, number>>;

/** Counts for the snapshot and passes everything on to the application's recorder. */
export interface RelayCounters {
  snapshot(): RelayMetricsSnapshot;
  claimed(events: number, durationMs: number): void;
  pollFailed(): void;
  finished(result: BatchProcessingResult<OutboxEvent>): void;
}

export function createRelayCounters(recorder: RelayMetricsRecorder | undefined, clock: Clock): RelayCounters {
  const totals: Record<RelayCounter, number> = {
    claimed: 0,
    published: 0,
    retried: 0,
    deferred: 0,
    failed: 0,
    released: 0,
    leasesLost: 0,
    outcomesUncertain: 0,
    outcomesUnrecorded: 0,
    batches: 0,
    emptyPolls: 0,
    pollErrors: 0,
  };
  const add = (counter: RelayCounter, value: number) => {
    if (value === 0) return;
    totals[counter] += value;
    recorder?.add(counter, value);
  };
  return {
    snapshot: () => ({ ...totals }),
    claimed(events, durationMs) {
      recorder?.record("claimDurationMs", durationMs);
      add(events === 0 ? "emptyPolls" : "batches", 1);
      add("claimed", events);
      if (events > 0) recorder?.record("batchSize", events);
    },
    pollFailed: () => add("pollErrors", 1),
    finished({ results, counts, lost, uncertain, unrecorded, handleDurationMs, commitDurationMs }) {
      add("published", counts.completed);
      add("retried", counts.retry);
      add("deferred", counts.defer);
      add("failed", counts.failed);
      add("released", counts.release);
      add("leasesLost", lost.length);
      add("outcomesUncertain", uncertain.length);
      add("outcomesUnrecorded", unrecorded.length);
      recorder?.record("publishDurationMs", handleDurationMs);
      recorder?.record("commitDurationMs", commitDurationMs);
      const oldest = results.find(({ outcome }) => outcome.kind === "completed");
      if (oldest !== undefined) recorder?.record("lagMs", clock.now() - oldest.event.createdAt.getTime());
    },
  };
}
