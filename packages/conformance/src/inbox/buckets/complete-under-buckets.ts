import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { BucketFence, InboxEvent } from "@omni-box/core";
import { bucketGraceMs, bucketLeaseMs, narrowed, takeOverMs } from "../../outbox/buckets/bucket-scenario.js";
import { refOf } from "../../repository/event-scenario.js";
import type { InboxRepositoryCase } from "../inbox-repository-case.js";
import type { InboxRepositoryHarness } from "../inbox-repository-harness.js";
import { type GroupScenario, openGroup } from "./group-scenario.js";

const requires = ["ownedBuckets"] as const;

/** A way to lose a bucket; gives the fence that is stale afterwards. */
interface Loss {
  readonly id: string;
  readonly title: string;
  lose(group: GroupScenario, fence: BucketFence, harness: InboxRepositoryHarness<unknown>): Promise<BucketFence>;
}

const losses: readonly Loss[] = [
  {
    id: "taken-over",
    title: "after another owner has taken the bucket over",
    async lose(group, fence, harness) {
      await harness.advanceTime(takeOverMs);
      await group.own();
      return fence;
    },
  },
  {
    id: "released",
    title: "after the bucket was given up",
    async lose(group, fence) {
      await group.buckets.release(fence);
      return fence;
    },
  },
  {
    id: "other-owner",
    title: "by another owner that knows the epoch",
    lose: async (_group, fence) => ({ ...fence, owner: randomUUID() }),
  },
  {
    id: "other-bucket",
    title: "under a fence that does not name the event's bucket",
    lose: async (_group, fence) => narrowed(fence, [1]),
  },
];

/** Completing an event in the transaction of its effects, under a fence of buckets. */
export const completeUnderBucketsCases: readonly InboxRepositoryCase[] = [
  {
    id: "inbox.buckets.complete-held",
    title: "an event of a bucket that is held commits with its effects, also when the lease is over and nobody took it",
    guarantee: "G3",
    requires,
    async run(harness, features) {
      const group = openGroup(harness, features, "shipping");
      const fence = await group.own();
      const [first, second] = await group.add(0, 2);
      assert.ok(first && second);
      assert.equal(await handle(group, harness, first, narrowed(fence, [0])), true);
      await harness.advanceTime(takeOverMs);
      assert.equal(await handle(group, harness, second, narrowed(fence, [0])), true);
      for (const { id, messageId } of [first, second]) {
        const { status, completedAt } = await group.read(id);
        assert.deepEqual([status, completedAt instanceof Date], ["completed", true]);
        assert.equal(await harness.countEffects(messageId), 1);
      }
      assert.equal(await handle(group, harness, first, narrowed(fence, [0])), false, "completed twice");
      assert.equal(await harness.countEffects(first.messageId), 1);
    },
  },
  ...losses.map(
    ({ id, title, lose }): InboxRepositoryCase => ({
      id: `inbox.buckets.complete-stale-${id}`,
      title: `complete ${title} answers false, and neither event nor effects change`,
      guarantee: "G5",
      requires,
      async run(harness, features) {
        const group = openGroup(harness, features, "shipping");
        const fence = await group.own();
        const [event] = await group.add(0, 1);
        assert.ok(event);
        const stale = await lose(group, fence, harness);
        const before = await group.read(event.id);
        assert.equal(await handle(group, harness, event, stale), false);
        assert.deepEqual(await group.read(event.id), before);
        assert.equal(await harness.countEffects(event.messageId), 0);
      },
    }),
  ),
  {
    id: "inbox.buckets.complete-locks",
    title:
      "a bucket of which an event has been completed is not taken over before the transaction has ended, and is renewed meanwhile",
    guarantee: "G5",
    requires: ["ownedBuckets", "concurrentTransactions"],
    async run(harness, features) {
      const [group, successor] = [openGroup(harness, features, "shipping"), openGroup(harness, features, "shipping")];
      const fence = await group.own();
      const [first, second] = await group.add(0, 2);
      assert.ok(first && second);
      await harness.advanceTime(takeOverMs);
      const changedMind = new Error("changed its mind");
      const rolledBack = group.transaction(async (tx) => {
        assert.equal(await tx.complete(narrowed(fence, [0]), refOf(first)), true);
        const others = await successor.own();
        assert.equal(others.epochs.has(0), false, "the bucket was taken over under the transaction");
        assert.equal(others.epochs.size, fence.epochs.size - 1, "other buckets could not be taken over");
        const { held } = await group.buckets.renew(narrowed(fence, [0]), 1);
        assert.deepEqual(held, [0], "it could not be renewed");
        throw changedMind;
      });
      await assert.rejects(rolledBack, (error) => error === changedMind);
      await harness.advanceTime(takeOverMs);
      const owner = randomUUID();
      const [taken] = await successor.buckets.acquire({
        owner,
        limit: 1,
        leaseMs: bucketLeaseMs,
        graceMs: bucketGraceMs,
      });
      assert.equal(taken?.bucket, 0, "the bucket cannot be taken over after the transaction");
      assert.equal(await handle(group, harness, second, narrowed(fence, [0])), false);
      assert.equal((await group.read(first.id)).status, "pending");
    },
  },
  {
    id: "inbox.buckets.start-counted",
    title: "a start is counted under a fence of buckets, and not under a stale one",
    guarantee: "G7",
    requires,
    async run(harness, features) {
      const group = openGroup(harness, features, "shipping");
      const fence = await group.own();
      const [event] = await group.add(0, 1);
      assert.ok(event);
      assert.deepEqual(await group.repository.recordStarted(fence, refOf(event), 2), { missing: [] });
      assert.equal((await group.read(event.id)).startedAttempts, 2);
      await group.buckets.release(fence);
      const { missing } = await group.repository.recordStarted(fence, refOf(event), 3);
      assert.deepEqual(missing, [refOf(event)]);
      assert.equal((await group.read(event.id)).startedAttempts, 2);
    },
  },
];

/** Handles an event as the processor does: one effect, then `complete`; `false` when the fence did not hold. */
async function handle(
  group: GroupScenario,
  harness: InboxRepositoryHarness<unknown>,
  event: InboxEvent,
  fence: BucketFence,
): Promise<boolean> {
  const lost = new Error("the bucket was lost");
  try {
    await group.transaction(async (tx) => {
      await harness.writeEffect(tx.client, event.messageId);
      if (!(await tx.complete(fence, refOf(event)))) throw lost;
    });
    return true;
  } catch (error) {
    if (error !== lost) throw error;
    return false;
  }
}
