import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { BucketFence } from "@omni-box/core";
import type { OutboxRepositoryCase } from "../outbox-repository-case.js";
import {
  type BucketScenario,
  bucketGraceMs,
  bucketLeaseMs,
  bucketsOf,
  fenceOfNothing,
  narrowed,
  type Ownership,
  openBuckets,
  takeOverMs,
} from "./bucket-scenario.js";

const requires = ["ownedBuckets"] as const;

/** Renewing, giving up, and who is alive. */
export const keepingCases: readonly OutboxRepositoryCase[] = [
  {
    id: "outbox.buckets.survey-counts",
    title: "a survey counts the living workers, also those that own nothing, and the free buckets",
    requires,
    async run(harness, features) {
      const { own, buckets, bucketCount } = openBuckets(harness, features);
      const count = await bucketCount();
      assert.deepEqual(await buckets.survey(bucketGraceMs), { workers: [], bucketCount: count, free: count });
      const [two, none] = [await own(2), randomUUID()];
      await buckets.renew(two.fence, bucketLeaseMs);
      await buckets.renew(fenceOfNothing(none), bucketLeaseMs);
      const survey = await buckets.survey(bucketGraceMs);
      assert.deepEqual(
        ownedBy(survey),
        new Map([
          [two.owner, 2],
          [none, 0],
        ]),
      );
      assert.equal(survey.free, count - 2);
      assert.equal(survey.bucketCount, count);
    },
  },
  {
    id: "outbox.buckets.survey-dead",
    title: "a worker whose lease ran out is not among the living, whatever it owns",
    requires,
    async run(harness, features) {
      const { own, buckets, bucketCount } = openBuckets(harness, features);
      const dead = await own(2);
      await buckets.renew(dead.fence, bucketLeaseMs);
      await harness.advanceTime(takeOverMs);
      const alive = await own(1);
      await buckets.renew(alive.fence, bucketLeaseMs);
      const survey = await buckets.survey(bucketGraceMs);
      assert.deepEqual(ownedBy(survey), new Map([[alive.owner, 1]]));
      assert.equal(survey.free, (await bucketCount()) - 1);
    },
  },
  {
    id: "outbox.buckets.renew-keeps",
    title: "a renewed bucket stays its owner's for another lease, and others are not renewed with it",
    guarantee: "G5",
    requires,
    async run(harness, features) {
      const { own, buckets } = openBuckets(harness, features);
      const { fence } = await own(2);
      await own();
      await harness.advanceTime(bucketLeaseMs - 30_000);
      assert.deepEqual((await buckets.renew(narrowed(fence, [1]), bucketLeaseMs)).held, [1]);
      await harness.advanceTime(bucketGraceMs + 60_000);
      const { acquired } = await own();
      assert.ok(!bucketsOf(acquired).includes(1), "the renewed bucket was taken");
      assert.ok(bucketsOf(acquired).includes(0), "a bucket was renewed that the fence did not name");
    },
  },
  {
    id: "outbox.buckets.renew-held",
    title: "a renewal answers the buckets that are still held under their epochs, and no other",
    guarantee: "G5",
    requires,
    async run(harness, features) {
      const { own, buckets } = openBuckets(harness, features);
      const { owner, fence } = await own(4);
      assert.deepEqual(await renewed(buckets, fence), [0, 1, 2, 3]);
      await buckets.release(narrowed(fence, [1, 2]));
      await own(1);
      await own(1, owner);
      assert.deepEqual(await renewed(buckets, fence), [0, 3], "1 is another's, 2 has a new epoch");
      assert.deepEqual(await renewed(buckets, { ...fence, owner: randomUUID() }), []);
      await harness.advanceTime(takeOverMs);
      await own(2);
      assert.deepEqual(await renewed(buckets, narrowed(fence, [0])), [], "it was taken over");
    },
  },
  {
    id: "outbox.buckets.renew-revives",
    title: "a lease that ran out without a take-over is held again when it is renewed",
    requires,
    async run(harness, features) {
      const { own, buckets, bucketCount } = openBuckets(harness, features);
      const { owner, fence } = await own();
      await harness.advanceTime(takeOverMs);
      assert.equal((await renewed(buckets, fence)).length, await bucketCount());
      assert.deepEqual((await own()).acquired, []);
      assert.deepEqual(ownedBy(await buckets.survey(bucketGraceMs)), new Map([[owner, await bucketCount()]]));
    },
  },
  {
    id: "outbox.buckets.release-frees",
    title: "a released bucket can be taken at once, and the others stay",
    requires,
    async run(harness, features) {
      const { own, buckets } = openBuckets(harness, features);
      const { fence } = await own();
      assert.deepEqual(await buckets.release(narrowed(fence, [1, 3])), [], "nobody had locked a bucket");
      assert.equal((await buckets.survey(bucketGraceMs)).free, 2);
      assert.deepEqual(bucketsOf((await own()).acquired), [1, 3]);
      await buckets.release(narrowed(fence, [1, 3]));
      assert.deepEqual((await own()).acquired, [], "a repeated release took the buckets from their new owner");
    },
  },
  releasedByStranger("another-owner", "another owner", async (_scenario, { fence }) => ({
    ...fence,
    owner: randomUUID(),
  })),
  releasedByStranger("old-epoch", "the same owner under an old epoch", async ({ buckets, own }, { owner, fence }) => {
    await buckets.release(fence);
    await own(undefined, owner);
    return fence;
  }),
  {
    id: "outbox.buckets.leave",
    title: "a worker that left is not among the living; what it still owns stays its own until the lease runs out",
    requires,
    async run(harness, features) {
      const { own, buckets, bucketCount } = openBuckets(harness, features);
      const { owner, fence } = await own(1);
      await buckets.renew(fence, bucketLeaseMs);
      const other = randomUUID();
      await buckets.renew(fenceOfNothing(other), bucketLeaseMs);
      await buckets.leave(owner);
      await buckets.leave(randomUUID());
      const survey = await buckets.survey(bucketGraceMs);
      assert.deepEqual(ownedBy(survey), new Map([[other, 0]]));
      assert.equal(survey.free, (await bucketCount()) - 1, "leaving gave up a bucket");
    },
  },
];

/** A release that must free nothing: `staleFence` makes its fence from the first one. */
function releasedByStranger(
  id: string,
  stranger: string,
  staleFence: (scenario: BucketScenario, first: Ownership) => Promise<BucketFence>,
): OutboxRepositoryCase {
  return {
    id: `outbox.buckets.release-${id}`,
    title: `a release by ${stranger} frees nothing`,
    guarantee: "G5",
    requires,
    async run(harness, features) {
      const scenario = openBuckets(harness, features);
      const stale = await staleFence(scenario, await scenario.own());
      await scenario.buckets.release(stale);
      assert.equal((await scenario.buckets.survey(bucketGraceMs)).free, 0);
      assert.deepEqual((await scenario.own()).acquired, [], "a bucket was freed");
    },
  };
}

function ownedBy({ workers }: { readonly workers: readonly { readonly id: string; readonly owned: number }[] }) {
  return new Map(workers.map(({ id, owned }) => [id, owned]));
}

/** The buckets that a renewal answers as held, in their order. Nobody has locked one that it could pass over. */
async function renewed({ renew }: BucketScenario["buckets"], fence: BucketFence): Promise<number[]> {
  const { held, passedOver } = await renew(fence, bucketLeaseMs);
  assert.deepEqual(passedOver, [], "a bucket was passed over that nobody had locked");
  return [...held].sort((a, b) => a - b);
}
