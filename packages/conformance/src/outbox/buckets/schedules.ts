import assert from "node:assert/strict";
import type { BucketFence, EventRef, OutboxEventInput } from "@omni-box/core";
import type { BucketScenario } from "./bucket-scenario.js";

/** Adds an event of the bucket whose time comes in so many milliseconds. */
export async function addScheduled(
  scenario: BucketScenario,
  bucket: number,
  inMs: number,
  fields: Partial<OutboxEventInput> = {},
): Promise<EventRef> {
  const [ref] = await scenario.add(bucket, 1, { ...fields, scheduledAt: new Date(Date.now() + inMs) });
  return ref ?? assert.fail("one event was added");
}

/** Ends schedules and returns whose they were, in the order of `seq`. */
export async function endSchedules({ buckets }: BucketScenario, fence: BucketFence, limit = 1_000): Promise<bigint[]> {
  const ended = await buckets.endSchedules(fence, limit);
  return ended.map(({ seq }) => seq).sort((a, b) => (a < b ? -1 : 1));
}
