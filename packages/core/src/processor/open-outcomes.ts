import type { BaseEvent } from "../events/outbox-event.js";
import type { Outcome } from "../pipeline/outcome.js";
import type { EventRef } from "../protocols/event-repository.js";
import type { EventResult } from "./decide-rows.js";

/**
 * Remembers completed events whose outcome is not known to be recorded, and attempts that ended when their batch had been given up.
 *
 * When such a row is claimed again, because its lease ran out while the store did not answer or the work took too long, the
 * outcome is recorded under the new lease, and it is not worked on a second time.
 */
export interface OpenOutcomes {
  /** What is to be recorded of the event instead of working on it. An attempt that did not complete is told once, unless others followed it. */
  take(event: BaseEvent): Outcome | undefined;
  /** An outcome that came after its batch was recorded. */
  keep(event: BaseEvent, outcome: Outcome): void;
  /** Before the outcomes of a batch are recorded. */
  hold(results: readonly EventResult<BaseEvent>[]): void;
  /** After that; what is unrecorded stays. */
  letGo(completed: readonly EventRef[], unrecorded: readonly EventRef[]): void;
}

export function createOpenOutcomes(): OpenOutcomes {
  /** With the number of batches that are recording the event: an older one may learn first that its lease is lost. */
  const open = new Map<bigint, { readonly outcome: Outcome; readonly attemptsMade: number; holders: number }>();
  return {
    take({ seq, attemptsMade }) {
      const entry = open.get(seq);
      if (entry === undefined || entry.outcome.kind === "completed") return entry?.outcome;
      open.delete(seq);
      return entry.attemptsMade === attemptsMade ? entry.outcome : undefined;
    },
    keep({ seq, attemptsMade }, outcome) {
      if (open.has(seq) || outcome.kind === "defer" || outcome.kind === "release") return;
      if (outcome.kind !== "completed" || !outcome.isRecorded) open.set(seq, { outcome, attemptsMade, holders: 0 });
    },
    hold(results) {
      for (const { event, outcome } of results) {
        if (outcome.kind !== "completed" || outcome.isRecorded) continue;
        const entry = open.get(event.seq);
        if (entry === undefined) open.set(event.seq, { outcome, attemptsMade: event.attemptsMade, holders: 1 });
        else entry.holders += 1;
      }
    },
    letGo(completed, unrecorded) {
      const kept = new Set(unrecorded.map(({ seq }) => seq));
      for (const { seq } of completed) {
        const entry = open.get(seq);
        if (entry === undefined) continue;
        entry.holders -= 1;
        if (entry.holders <= 0 && !kept.has(seq)) open.delete(seq);
      }
    },
  };
}
