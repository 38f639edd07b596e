import assert from "node:assert/strict";
import type { BucketFence, EventRef, OutcomeReceipt } from "@omni-box/core";
import { retried } from "../bucket-reads.js";
import type { BucketScenario } from "../bucket-scenario.js";
import type { BucketModel } from "./bucket-model.js";
import { type BucketSettlement, bucketScheduleTimes } from "./bucket-schedule-step.js";
import { everyNthOf, type ReadRow, type ScheduleOwner } from "./schedule-owner.js";

/** Settles what a worker has read, in the store and in the model, and compares what is reported. */
export async function settleRead(
  scenario: BucketScenario,
  model: BucketModel,
  worker: ScheduleOwner,
  as: BucketSettlement,
  everyNth: number,
): Promise<void> {
  const { fence } = worker.read;
  const rows = everyNthOf(worker.read.rows, everyNth);
  const held = new Set(model.held(fence.owner, fence.epochs).map(({ bucket }) => bucket));
  const isHeld = (row: EventRef) => held.has(model.event(row)?.bucket ?? -1);
  const pending = rows.filter((row) => model.event(row)?.status === "pending");
  const { missing } = await record(scenario, fence, rows, as);
  assert.deepEqual(missing.filter(isHeld), [], "an event was reported although its bucket is held");
  // A row of a lost bucket that is not pending any more may be reported or not.
  const reported = new Set(missing.map(({ seq }) => seq));
  for (const row of pending) {
    if (isHeld(row)) note(model, row, as);
    else assert.ok(reported.has(row.seq), `event ${row.seq} of a lost bucket was not reported`);
  }
}

function note(model: BucketModel, row: ReadRow, as: BucketSettlement): void {
  const event = model.event(row) ?? assert.fail("the model does not know the event");
  if (as === "complete") event.status = "gone";
  else if (as === "start") event.startedAttempts = 1;
  else if (as === "retry") model.retry(event, row.attemptsMade + 1);
  else model.fail(event, row.attemptsMade + 1);
}

async function record(
  { repository, buckets }: BucketScenario,
  fence: BucketFence,
  rows: readonly ReadRow[],
  as: BucketSettlement,
): Promise<OutcomeReceipt> {
  const tried = rows.map(({ id, seq, attemptsMade }) => ({ id, seq, attemptsMade: attemptsMade + 1, error: "tried" }));
  if (as === "complete") return repository.recordCompleted(fence, rows);
  if (as === "fail") return repository.recordFailed(fence, tried);
  if (as === "retry") {
    const { backoffMs: delayMs } = bucketScheduleTimes;
    const pending = tried.flatMap((row) => retried([row], { attemptsMade: row.attemptsMade, delayMs }));
    return repository.recordPending(fence, pending);
  }
  const missing: EventRef[] = [];
  for (const row of rows) missing.push(...(await buckets.recordStarted(fence, row, 1)).missing);
  return { missing };
}
