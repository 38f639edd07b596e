import assert from "node:assert/strict";
import { bucketGraceMs, bucketLeaseMs, fenceOfNothing } from "../../outbox/buckets/bucket-scenario.js";
import type { InboxRepositoryCase } from "../inbox-repository-case.js";
import { sampleMessage } from "../sample-message.js";
import { everythingIn, openGroup, refsOf } from "./group-scenario.js";

const requires = ["ownedBuckets"] as const;

/** That consumer groups do not see each other. */
export const groupCases: readonly InboxRepositoryCase[] = [
  {
    id: "inbox.buckets.groups-owned-apart",
    title: "each consumer group has all buckets, workers and epochs of its own",
    guarantee: "G5",
    requires,
    async run(harness, features) {
      const [a, b] = [openGroup(harness, features, "shipping"), openGroup(harness, features, "billing")];
      const ofA = await a.own();
      const ofB = await b.own();
      assert.ok(ofA.epochs.size >= 8, "a group has fewer than eight buckets");
      assert.deepEqual([...ofB.epochs.keys()], [...ofA.epochs.keys()], "groups take buckets from each other");
      assert.deepEqual(new Set([...ofA.epochs.values(), ...ofB.epochs.values()]), new Set([1n]), "epochs are shared");
      const { held } = await a.buckets.renew(ofA, bucketLeaseMs);
      assert.deepEqual(held, [...ofA.epochs.keys()]);
      await b.buckets.renew(fenceOfNothing("of b"), bucketLeaseMs);
      const survey = await a.buckets.survey(bucketGraceMs);
      assert.deepEqual(survey.workers, [{ id: ofA.owner, owned: ofA.epochs.size }]);
      assert.deepEqual([survey.bucketCount, survey.free], [ofA.epochs.size, 0]);
      const ofOther = await b.buckets.renew(ofA, bucketLeaseMs);
      assert.deepEqual(ofOther, { held: [], passedOver: [] }, "a fence of one group holds in another");
      await b.buckets.leave(ofA.owner);
      await b.buckets.release(ofA);
      assert.deepEqual((await a.buckets.survey(bucketGraceMs)).workers, survey.workers);
      await b.buckets.release(ofB);
      assert.equal((await a.buckets.survey(bucketGraceMs)).free, 0, "a release of one group reaches another");
    },
  },
  {
    id: "inbox.buckets.groups-read-apart",
    title: "read, peek and failedHeads give events of their own group alone",
    guarantee: "G4",
    requires,
    async run(harness, features) {
      const [a, b] = [openGroup(harness, features, "shipping"), openGroup(harness, features, "billing")];
      const [fence] = [await a.own(), await b.own()];
      const [first, second] = await a.add(0, 2);
      await b.add(0, 2);
      assert.ok(first && second);
      const { rows } = await a.buckets.read(everythingIn(0));
      assert.deepEqual(
        rows.map(({ event }) => event),
        [first, second],
      );
      const { rows: peeked } = await a.buckets.peek(everythingIn(0));
      assert.deepEqual(
        peeked.map(({ seq }) => seq),
        [first.seq, second.seq],
      );
      await a.repository.recordFailed(fence, [{ id: first.id, seq: first.seq, attemptsMade: 1, error: "given up" }]);
      assert.deepEqual(await b.buckets.failedHeads([0]), [], "a failed event blocks its key in another group");
      assert.deepEqual(await a.buckets.failedHeads([0]), [
        { bucket: 0, partitionKey: first.partitionKey, seq: first.seq },
      ]);
    },
  },
  {
    id: "inbox.buckets.groups-written-apart",
    title: "the fence of one group changes no event of another, although it holds a bucket of the same number",
    guarantee: "G5",
    requires,
    async run(harness, features) {
      const [a, b] = [openGroup(harness, features, "shipping"), openGroup(harness, features, "billing")];
      const [fence] = [await a.own(), await b.own()];
      const events = await b.add(0, 1);
      const refs = refsOf(events);
      const [ref] = refs;
      assert.ok(ref);
      await a.repository.recordCompleted(fence, refs);
      await a.repository.recordFailed(fence, [{ ...ref, attemptsMade: 1, error: "given up" }]);
      await a.repository.recordPending(fence, [
        { ...ref, attemptsMade: 1, startedAttempts: 0, delayMs: 1_000, error: "refused" },
      ]);
      await a.buckets.recordStarted(fence, ref, 1);
      await a.repository.recordStarted(fence, ref, 1);
      assert.equal(await a.transaction((tx) => tx.complete(fence, ref)), false);
      assert.deepEqual(await Promise.all(refs.map(({ id }) => b.read(id))), events);
    },
  },
  {
    id: "inbox.buckets.open-transaction",
    title: "a handler's transaction that has inserted its message is named by every read until it is over",
    guarantee: "G4",
    requires: ["ownedBuckets", "concurrentTransactions"],
    async run(harness, features) {
      const group = openGroup(harness, features, "shipping");
      await group.own();
      const writersNow = async () => (await group.buckets.read(everythingIn(0))).writers;
      const before = (await writersNow()).map(({ id }) => id);
      const named = await group.transaction(async (tx) => {
        await tx.insertCompleted([sampleMessage({ consumerGroup: "billing" })], { behindPending: "insert" });
        return (await writersNow()).filter(({ id }) => !before.includes(id));
      });
      assert.deepEqual(
        named.map(({ isHidden }) => isHidden),
        [true],
      );
      // What names it may last a moment longer than the transaction itself.
      for (let reads = 1; ; reads += 1) {
        const left = (await writersNow()).filter((writer) => named.some(({ id }) => id === writer.id));
        assert.ok(
          left.every(({ isHidden }) => !isHidden),
          "a transaction that is over is called hidden",
        );
        if (left.length === 0) return;
        assert.ok(reads < 1_000, "a transaction that is over is named for ever");
      }
    },
  },
];
