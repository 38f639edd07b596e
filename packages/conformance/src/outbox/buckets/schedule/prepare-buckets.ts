import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { OutboxRepositoryHarness } from "../../outbox-repository-harness.js";
import { type BucketScenario, fenceOf, narrowed } from "../bucket-scenario.js";
import { bucketScheduleTimes } from "./bucket-schedule-step.js";

const { leaseMs, graceMs } = bucketScheduleTimes;
/** Ten days: longer than any schedule. */
const keeperLeaseMs = 864_000_000;

/** Buckets that a schedule can begin with. */
export interface PreparedBuckets {
  /** The last epoch of each of the few buckets that workers contend for: the lowest, without an owner and clean. */
  readonly epochs: ReadonlyMap<number, bigint>;
  /** Gives up the others, which are kept from the schedule so that its workers meet. */
  giveBack(): Promise<void>;
}

/** Ends what schedules before this one left behind, and leaves `contended` buckets to be acquired. */
export async function prepareBuckets(
  harness: OutboxRepositoryHarness<unknown>,
  { buckets, bucketCount }: BucketScenario,
  contended: number,
): Promise<PreparedBuckets> {
  await harness.advanceTime(leaseMs + graceMs + 15_000);
  const owner = randomUUID();
  const acquired = await buckets.acquire({ owner, leaseMs: keeperLeaseMs, graceMs, limit: 32_767 });
  assert.equal(acquired.length, await bucketCount(), "not every bucket is free after the leases and the grace");
  const fence = fenceOf(owner, acquired);
  const lowest = [...fence.epochs.keys()].sort((a, b) => a - b).slice(0, contended);
  await buckets.markClean(fence);
  await buckets.release(narrowed(fence, lowest));
  const others = [...fence.epochs.keys()].filter((bucket) => !lowest.includes(bucket));
  return {
    epochs: new Map(lowest.map((bucket) => [bucket, fence.epochs.get(bucket) ?? 0n])),
    giveBack: async () => {
      await buckets.release(narrowed(fence, others));
    },
  };
}
