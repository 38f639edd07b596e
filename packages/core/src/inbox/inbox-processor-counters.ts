import type { InboxEvent } from "../events/inbox-event.js";
import { countBatch, countClaim, countCrashed, noWorkYet } from "../processor/count-work.js";
import type { WorkerCounters } from "../processor/worker-loop.js";
import type { Logger } from "../protocols/logger.js";
import type { WorkerCounter } from "../protocols/metrics.js";
import { createUnhandledWarning } from "./warn-unhandled.js";

/** Everything that an inbox processor counts. */
export type InboxProcessorCounter =
  | WorkerCounter
  | "completed"
  /** Of those completed: the handler or a step said that there was nothing to do. */
  | "skipped"
  /** Of those retried or failed: nobody handles their kind. */
  | "noHandler";

/** The counters of an inbox processor since it was created. */
export type InboxProcessorMetricsSnapshot = Readonly<Record<InboxProcessorCounter, number>>;

/** Counts, and names kinds of events that nobody handles once each. */
export interface InboxProcessorCounters extends WorkerCounters<InboxEvent> {
  snapshot(): InboxProcessorMetricsSnapshot;
}

export function createInboxProcessorCounters(logger: Logger): InboxProcessorCounters {
  const totals: Record<InboxProcessorCounter, number> = {
    ...noWorkYet(),
    completed: 0,
    skipped: 0,
    noHandler: 0,
  };
  const warnUnhandled = createUnhandledWarning(logger);
  const add = (counter: InboxProcessorCounter, value: number) => {
    totals[counter] += value;
  };
  return {
    snapshot: () => ({ ...totals }),
    claimed: (events) => countClaim(add, events),
    pollFailed: () => add("pollErrors", 1),
    crashed: (events) => countCrashed(add, events),
    finished(result) {
      add("completed", result.counts.completed);
      countBatch(add, result);
      for (const { event, outcome } of result.results) {
        if (outcome.kind === "completed" && outcome.reason !== null) add("skipped", 1);
        if (outcome.kind !== "retry" && outcome.kind !== "failed") continue;
        if (outcome.failure.code === "INBOX.CRASHED") add("crashed", 1);
        if (outcome.failure.code !== "INBOX.NO_HANDLER") continue;
        add("noHandler", 1);
        warnUnhandled(event);
      }
    },
  };
}
