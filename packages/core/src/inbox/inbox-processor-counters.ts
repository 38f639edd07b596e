import type { InboxEvent } from "../events/inbox-event.js";
import { countBatch, countClaim, countCrashed, noWorkYet } from "../processor/count-work.js";
import { createTally } from "../processor/tally.js";
import type { WorkerCounters } from "../processor/worker-loop.js";
import type { Clock } from "../protocols/clock.js";
import type { Logger } from "../protocols/logger.js";
import type {
  InboxProcessorCounter,
  InboxProcessorMeasurement,
  InboxProcessorMetricsRecorder,
} from "../protocols/metrics.js";
import type { OnHandled } from "./prepare-handling.js";
import { createUnhandledWarning } from "./warn-unhandled.js";

/** The counters of an inbox processor since it was created. */
export type InboxProcessorMetricsSnapshot = Readonly<Record<InboxProcessorCounter, number>>;

/** Counts, and names kinds of events that nobody handles once each. */
export interface InboxProcessorCounters extends WorkerCounters<InboxEvent> {
  snapshot(): InboxProcessorMetricsSnapshot;
  /** `null`: nobody wants to know. */
  readonly onHandled: OnHandled | null;
}

export function createInboxProcessorCounters(
  recorder: InboxProcessorMetricsRecorder | undefined,
  clock: Clock,
  logger: Logger,
): InboxProcessorCounters {
  const tally = createTally<InboxProcessorCounter, InboxProcessorMeasurement>(
    { ...noWorkYet(), completed: 0, skipped: 0, noHandler: 0 },
    recorder,
    logger,
  );
  const warnUnhandled = createUnhandledWarning(logger);
  return {
    snapshot: tally.snapshot,
    onHandled: tally.isRecorded ? ({ type }, durationMs) => tally.record("handlerDurationMs", durationMs, type) : null,
    claimed: (events, durationMs) => countClaim(tally, events, durationMs),
    pollFailed: () => tally.add("pollErrors", 1),
    crashed: (events) => countCrashed(tally, events),
    finished(result) {
      countBatch(tally, result, "completed");
      tally.record("commitDurationMs", result.commitDurationMs);
      for (const { event, outcome } of result.results) {
        if (outcome.kind === "completed" && outcome.reason !== null) tally.add("skipped", 1, event.type);
        if (outcome.kind !== "retry" && outcome.kind !== "failed") continue;
        if (outcome.failure.code === "INBOX.CRASHED") tally.add("crashed", 1, event.type);
        if (outcome.failure.code !== "INBOX.NO_HANDLER") continue;
        tally.add("noHandler", 1, event.type);
        warnUnhandled(event);
      }
      const oldest = result.results.find(({ outcome }) => outcome.kind === "completed");
      if (oldest !== undefined) tally.record("lagMs", clock.now() - oldest.event.createdAt.getTime());
    },
  };
}
