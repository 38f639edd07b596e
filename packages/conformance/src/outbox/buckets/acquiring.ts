import assert from "node:assert/strict";
import type { OutboxRepositoryCase } from "../outbox-repository-case.js";
import { bucketGraceMs, bucketLeaseMs, bucketsOf, openBuckets, takeOverMs } from "./bucket-scenario.js";

const requires = ["ownedBuckets"] as const;

/** Who gets a bucket, and under which epoch. */
export const acquiringCases: readonly OutboxRepositoryCase[] = [
  {
    id: "outbox.buckets.acquire-lowest",
    title: "free buckets are taken lowest number first, never more than the limit, until there are none",
    requires,
    async run(harness, features) {
      const { own, bucketCount } = openBuckets(harness, features);
      assert.deepEqual(bucketsOf((await own(3)).acquired), [0, 1, 2]);
      assert.deepEqual(bucketsOf((await own(2)).acquired), [3, 4]);
      const rest = Array.from({ length: (await bucketCount()) - 5 }, (_, index) => index + 5);
      assert.deepEqual(bucketsOf((await own()).acquired), rest, "not all of the others were taken");
      assert.deepEqual((await own()).acquired, [], "a bucket in lease was taken");
    },
  },
  {
    id: "outbox.buckets.acquire-leased",
    title: "a bucket in lease is answered to nobody else, and not to its own owner again",
    guarantee: "G5",
    requires,
    async run(harness, features) {
      const { own } = openBuckets(harness, features);
      const first = await own();
      await harness.advanceTime(bucketLeaseMs - 30_000);
      assert.deepEqual((await own()).acquired, [], "another got it");
      assert.deepEqual((await own(1, first.owner)).acquired, [], "its owner got it twice");
    },
  },
  {
    id: "outbox.buckets.acquire-epoch",
    title: "the epoch rises with every acquisition: after a release, after a take-over, and also for the same owner",
    guarantee: "G5",
    requires,
    async run(harness, features) {
      const { own, buckets } = openBuckets(harness, features);
      const first = await own(1);
      await buckets.release(first.fence);
      const again = await own(1, first.owner);
      await buckets.release(again.fence);
      const released = await own(1);
      await harness.advanceTime(takeOverMs);
      const takenOver = await own(1);
      await harness.advanceTime(takeOverMs);
      const late = await own(1, takenOver.owner);
      const epochs = [first, again, released, takenOver, late].map(({ acquired }) => acquired[0]);
      for (const [index, acquired] of epochs.entries()) {
        assert.equal(acquired?.bucket, 0);
        const before = epochs[index - 1]?.epoch ?? -1n;
        assert.ok(acquired.epoch > before, `epoch ${acquired.epoch} came after epoch ${before}`);
      }
    },
  },
  {
    id: "outbox.buckets.acquire-grace",
    title: "a bucket whose owner did not give it up is taken only when its lease has been over for the grace",
    guarantee: "G5",
    requires,
    async run(harness, features) {
      const { own, buckets } = openBuckets(harness, features);
      const { acquired } = await own(2);
      const others = await own();
      await buckets.renew(others.fence, bucketLeaseMs * 10);
      await harness.advanceTime(bucketLeaseMs + bucketGraceMs / 2);
      assert.equal((await buckets.survey(bucketGraceMs)).free, 0, "free within the grace");
      assert.deepEqual((await own()).acquired, [], "taken within the grace");
      await harness.advanceTime(bucketGraceMs);
      assert.equal((await buckets.survey(bucketGraceMs)).free, 2, "not free after the grace");
      assert.deepEqual(bucketsOf((await own()).acquired), bucketsOf(acquired));
    },
  },
  {
    id: "outbox.buckets.acquire-parallel",
    title: "of many workers that acquire at the same time no two get the same bucket",
    guarantee: "G5",
    requires,
    async run(harness, features) {
      const workers = Array.from({ length: 8 }, () => openBuckets(harness, features));
      const count = (await workers[0]?.bucketCount()) ?? 0;
      for (let round = 0; round < 5; round += 1) {
        const shares = await Promise.all(workers.map(({ own }) => own(Math.ceil(count / 3))));
        // Those that met another's locked row passed over it, so something may be left.
        const rest = await workers[0]?.own();
        const taken = [...shares, ...(rest ? [rest] : [])].flatMap(({ acquired }) => bucketsOf(acquired));
        assert.equal(taken.length, new Set(taken).size, "a bucket was acquired by two");
        assert.equal(taken.length, count, "not every bucket was acquired");
        await harness.advanceTime(takeOverMs);
      }
    },
  },
  {
    id: "outbox.buckets.unclean-counted",
    title:
      "take-overs from owners that did not give up are counted until the bucket is marked clean, a release is none",
    guarantee: "G7",
    requires,
    async run(harness, features) {
      const { own, buckets } = openBuckets(harness, features);
      const counted: (number | undefined)[] = [];
      const take = async () => {
        const taken = await own(1);
        counted.push(taken.acquired[0]?.uncleanTakeovers);
        return taken;
      };
      await buckets.release((await take()).fence);
      await take();
      await harness.advanceTime(takeOverMs);
      await take();
      await harness.advanceTime(takeOverMs);
      await buckets.release((await take()).fence);
      assert.deepEqual(await buckets.markClean((await take()).fence), [], "nobody had locked a bucket");
      await harness.advanceTime(takeOverMs);
      const last = await take();
      await buckets.markClean(last.fence);
      await buckets.release(last.fence);
      await take();
      assert.deepEqual(counted, [0, 0, 1, 2, 2, 1, 0]);
    },
  },
  {
    id: "outbox.buckets.unclean-own",
    title: "an owner that acquires a bucket of its own anew has not died in it, and the bucket is as clean as it was",
    guarantee: "G7",
    requires,
    async run(harness, features) {
      const { own } = openBuckets(harness, features);
      await own(1);
      await harness.advanceTime(takeOverMs);
      const { owner, acquired } = await own(1);
      await harness.advanceTime(takeOverMs);
      const again = await own(1, owner);
      assert.deepEqual([acquired[0]?.uncleanTakeovers, again.acquired[0]?.uncleanTakeovers], [1, 1]);
    },
  },
  {
    id: "outbox.buckets.unclean-fenced",
    title: "only the bucket's present owner can mark it clean, and only the buckets that it names",
    guarantee: "G5",
    requires,
    async run(harness, features) {
      const { own, buckets } = openBuckets(harness, features);
      const lost = await own(2);
      await harness.advanceTime(takeOverMs);
      const present = await own(2);
      await buckets.markClean(lost.fence);
      await buckets.markClean({ ...present.fence, owner: lost.owner });
      await buckets.markClean({ ...present.fence, epochs: new Map([[1, present.fence.epochs.get(1) ?? 0n]]) });
      await buckets.release(present.fence);
      const { acquired } = await own(2);
      assert.deepEqual(
        acquired.map(({ bucket, uncleanTakeovers }) => [bucket, uncleanTakeovers]),
        [
          [0, 1],
          [1, 0],
        ],
      );
    },
  },
];
