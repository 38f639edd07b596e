import type { BaseEvent } from "../events/outbox-event.js";
import type { OutcomeKind } from "../pipeline/outcome.js";
import type { WorkerCounter } from "../protocols/metrics.js";
import type { EventResult } from "./decide-rows.js";
import type { BatchProcessingResult } from "./event-batch-processor.js";
import type { Tally } from "./tally.js";

/** All counters of a worker, at their beginning. */
export function noWorkYet(): Record<WorkerCounter, number> {
  return {
    claimed: 0,
    retried: 0,
    deferred: 0,
    failed: 0,
    crashed: 0,
    released: 0,
    abandoned: 0,
    leasesLost: 0,
    outcomesUncertain: 0,
    outcomesUnrecorded: 0,
    batches: 0,
    emptyPolls: 0,
    pollErrors: 0,
  };
}

/** Counts what a claim returned. */
export function countClaim(
  { add, record }: Tally<WorkerCounter, "claimDurationMs" | "batchSize">,
  events: number,
  durationMs: number,
): void {
  record("claimDurationMs", durationMs);
  add(events === 0 ? "emptyPolls" : "batches", 1);
  add("claimed", events);
  if (events > 0) record("batchSize", events);
}

/** Counts events that a claim has failed; their types are not told. */
export function countCrashed({ add }: Pick<Tally<WorkerCounter, never>, "add">, events: number): void {
  add("failed", events);
  add("crashed", events);
}

/** Counts what became of a batch. `completed`: what the worker calls an event that is. */
export function countBatch<Completed extends string>(
  { add, isRecorded }: Pick<Tally<WorkerCounter | Completed, never>, "add" | "isRecorded">,
  result: BatchProcessingResult<BaseEvent>,
  completed: Completed,
): void {
  const { counts, results, abandoned, lost, uncertain, unrecorded } = result;
  const ofKinds = (kinds: Readonly<Record<OutcomeKind, number>>, eventType?: string) => {
    add(completed, kinds.completed, eventType);
    add("retried", kinds.retry, eventType);
    add("deferred", kinds.defer, eventType);
    add("failed", kinds.failed, eventType);
    add("released", kinds.release, eventType);
  };
  if (isRecorded) for (const [eventType, kinds] of countsByType(results)) ofKinds(kinds, eventType);
  else ofKinds(counts);
  add("abandoned", abandoned.length);
  add("leasesLost", lost.length);
  add("outcomesUncertain", uncertain.length);
  add("outcomesUnrecorded", unrecorded.length);
}

function countsByType(results: readonly EventResult<BaseEvent>[]): Map<string, Record<OutcomeKind, number>> {
  const byType = new Map<string, Record<OutcomeKind, number>>();
  for (const { event, outcome } of results) {
    const counts = byType.get(event.type) ?? noOutcomes();
    counts[outcome.kind] += 1;
    byType.set(event.type, counts);
  }
  return byType;
}

function noOutcomes(): Record<OutcomeKind, number> {
  return { completed: 0, retry: 0, defer: 0, failed: 0, release: 0 };
}
