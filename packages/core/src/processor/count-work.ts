import type { BaseEvent } from "../events/outbox-event.js";
import type { WorkerCounter } from "../protocols/metrics.js";
import type { BatchProcessingResult } from "./event-batch-processor.js";

/** Adds to one counter. */
export type AddToCounter = (counter: WorkerCounter, value: number) => void;

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
export function countClaim(add: AddToCounter, events: number): void {
  add(events === 0 ? "emptyPolls" : "batches", 1);
  add("claimed", events);
}

/** Counts events that a claim has failed. */
export function countCrashed(add: AddToCounter, events: number): void {
  add("failed", events);
  add("crashed", events);
}

/** Counts what became of a batch, but for what was completed: that has a name of its own in each worker. */
export function countBatch(add: AddToCounter, result: BatchProcessingResult<BaseEvent>): void {
  const { counts, abandoned, lost, uncertain, unrecorded } = result;
  add("retried", counts.retry);
  add("deferred", counts.defer);
  add("failed", counts.failed);
  add("released", counts.release);
  add("abandoned", abandoned.length);
  add("leasesLost", lost.length);
  add("outcomesUncertain", uncertain.length);
  add("outcomesUnrecorded", unrecorded.length);
}
