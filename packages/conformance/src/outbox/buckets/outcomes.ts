import assert from "node:assert/strict";
import type { EventRef, OutboxEvent } from "@omni-box/core";
import type { OutboxRepositoryCase } from "../outbox-repository-case.js";
import { backOff, from, readBothWays, requestFor, retried, seqs, seqsOf } from "./bucket-reads.js";
import { keysOfBucket, openBuckets, takeOverMs } from "./bucket-scenario.js";
import { type FencedWrite, fencedWrites } from "./fenced-writes.js";

const requires = ["ownedBuckets"] as const;

/** What the owner of a bucket records. */
export const bucketOutcomeCases: readonly OutboxRepositoryCase[] = [
  {
    id: "outbox.buckets.completed-deleted",
    title: 'with onPublished "delete" the owner\'s completed event is gone, and no other',
    requires,
    async run(harness, features) {
      const scenario = openBuckets(harness, features);
      const { fence } = await scenario.own(2);
      const [a, b] = [await scenario.add(0, 2), await scenario.add(1, 2)];
      const completed = [...a.slice(0, 1), ...b.slice(0, 1)];
      assert.deepEqual((await scenario.repository.recordCompleted(fence, completed)).missing, []);
      for (const { id } of completed) assert.equal(await scenario.repository.findById(id), null);
      const rest = seqs([...a.slice(1), ...b.slice(1)]);
      assert.deepEqual(seqsOf(await readBothWays(scenario, requestFor(from(0, 1)))), rest);
    },
  },
  {
    id: "outbox.buckets.completed-kept",
    title: 'with onPublished "keep" the owner\'s completed event stays as completed, without starts or backoff',
    requires: ["ownedBuckets", "keepPublished"],
    async run(harness, features) {
      const scenario = openBuckets(harness, features, { onPublished: "keep" });
      const held = await scenario.own(1);
      const [ref] = await scenario.add(0, 1);
      if (!ref) return assert.fail("one event was added");
      await backOff(scenario, held, [ref], { startedAttempts: 2 });
      assert.deepEqual((await scenario.repository.recordCompleted(held.fence, [ref])).missing, []);
      const { status, completedAt, startedAttempts, nextAttemptAt, lease } = await scenario.stored(ref.id);
      assert.deepEqual([status, startedAttempts, nextAttemptAt, lease], ["completed", 0, null, null]);
      assert.ok(completedAt instanceof Date, "completedAt is not set");
    },
  },
  {
    id: "outbox.buckets.pending",
    title: "a pending outcome leaves attempts, starts, backoff and error as given, each event its own",
    requires,
    async run(harness, features) {
      const scenario = openBuckets(harness, features);
      const { fence } = await scenario.own(2);
      const refs = [...(await scenario.add(0, 2)), ...(await scenario.add(1, 1, { maxAttempts: 3 }))];
      const rows = [
        ...retried(refs.slice(0, 1), { attemptsMade: 2, startedAttempts: 1, error: "first" }),
        ...retried(refs.slice(1, 2), { attemptsMade: 0, delayMs: null, error: null }),
        ...retried(refs.slice(2), { attemptsMade: 9, error: "third" }),
      ];
      assert.deepEqual((await scenario.repository.recordPending(fence, rows)).missing, []);
      const stored = await Promise.all(refs.map(({ id }) => scenario.stored(id)));
      assert.deepEqual(stored.map(pendingState), [
        { status: "pending", attemptsMade: 2, startedAttempts: 1, backsOff: true, lastError: "first" },
        { status: "pending", attemptsMade: 0, startedAttempts: 0, backsOff: false, lastError: null },
        { status: "pending", attemptsMade: 3, startedAttempts: 0, backsOff: true, lastError: "third" },
      ]);
    },
  },
  {
    id: "outbox.buckets.failed",
    title: "a failed event is stored with its attempts and error, without starts, and is not read again",
    requires,
    async run(harness, features) {
      const scenario = openBuckets(harness, features);
      const held = await scenario.own(1);
      const [ref] = await scenario.add(0, 1, { maxAttempts: 5 });
      if (!ref) return assert.fail("one event was added");
      await backOff(scenario, held, [ref], { startedAttempts: 3 });
      const rows = [{ ...ref, attemptsMade: 9, error: "given up" }];
      assert.deepEqual((await scenario.repository.recordFailed(held.fence, rows)).missing, []);
      assert.deepEqual(pendingState(await scenario.stored(ref.id)), {
        status: "failed",
        attemptsMade: 5,
        startedAttempts: 0,
        backsOff: false,
        lastError: "given up",
      });
      assert.deepEqual(await readBothWays(scenario, requestFor(from(0))), []);
    },
  },
  {
    id: "outbox.buckets.started",
    title: "a start is counted as given and changes nothing else; the outcome after it takes it back",
    guarantee: "G7",
    requires,
    async run(harness, features) {
      const scenario = openBuckets(harness, features);
      const held = await scenario.own(1);
      const [ref, other] = await scenario.add(0, 2);
      if (!ref || !other) return assert.fail("two events were added");
      await backOff(scenario, held, [ref], { attemptsMade: 2 });
      const [before, untouched] = [await scenario.stored(ref.id), await scenario.stored(other.id)];
      for (const starts of [1, 2, 2]) {
        assert.deepEqual((await scenario.buckets.recordStarted(held.fence, ref, starts)).missing, []);
        assert.deepEqual(await scenario.stored(ref.id), { ...before, startedAttempts: starts });
      }
      assert.deepEqual(await scenario.stored(other.id), untouched);
      await backOff(scenario, held, [ref], { attemptsMade: 3 });
      assert.equal((await scenario.stored(ref.id)).startedAttempts, 0);
    },
  },
  {
    id: "outbox.buckets.outcome-after-lease",
    title: "an outcome under a lease that ran out is recorded while nobody has taken the bucket over",
    guarantee: "G2",
    requires,
    async run(harness, features) {
      const scenario = openBuckets(harness, features);
      const { fence } = await scenario.own(1);
      const refs = await scenario.add(0, 2);
      await harness.advanceTime(takeOverMs);
      assert.deepEqual((await scenario.repository.recordCompleted(fence, refs)).missing, []);
      assert.deepEqual(await readBothWays(scenario, requestFor(from(0))), []);
    },
  },
  {
    id: "outbox.buckets.outcome-bulk",
    title: "an outcome of thousands of events of many buckets is recorded whole",
    requires,
    async run(harness, features) {
      const scenario = openBuckets(harness, features);
      const { fence } = await scenario.own(4);
      const refs: EventRef[] = [];
      for (const bucket of [0, 1, 2, 3]) {
        const [partitionKey] = keysOfBucket(bucket, await scenario.bucketCount(), 1);
        refs.push(...(await scenario.add(bucket, 750, { partitionKey })));
      }
      assert.deepEqual((await scenario.repository.recordPending(fence, retried(refs))).missing, []);
      assert.deepEqual((await scenario.repository.recordCompleted(fence, refs)).missing, []);
      assert.deepEqual(await readBothWays(scenario, requestFor(from(0, 1, 2, 3))), []);
    },
  },
  ...fencedWrites.map(repeated),
  {
    id: "outbox.buckets.ended-stays",
    title: "an event that has failed stays so, whatever is recorded for it, and is not missing",
    guarantee: "G2",
    requires,
    async run(harness, features) {
      const scenario = openBuckets(harness, features);
      const { fence } = await scenario.own(1);
      const refs = await scenario.add(0, 1);
      for (const { name, write } of [...fencedWrites].sort((a) => (a.name === "failed" ? -1 : 1))) {
        assert.deepEqual((await write(scenario, fence, refs)).missing, [], `${name} was called missing`);
        assert.equal((await scenario.stored(refs[0]?.id ?? "")).status, "failed", `${name} changed a failed event`);
      }
    },
  },
];

/** The same write twice: its first answer may have been lost on the way. */
function repeated({ name, write }: FencedWrite): OutboxRepositoryCase {
  return {
    id: `outbox.buckets.repeated-${name}`,
    title: `a "${name}" that is recorded again changes nothing and is not missing`,
    guarantee: "G2",
    requires,
    async run(harness, features) {
      const scenario = openBuckets(harness, features);
      const { fence } = await scenario.own(1);
      const refs = await scenario.add(0, 2);
      const stateAfter = async () => {
        assert.deepEqual((await write(scenario, fence, refs)).missing, []);
        const stored = await Promise.all(refs.map(({ id }) => scenario.repository.findById(id)));
        return stored.map((event) => event && pendingState(event));
      };
      const once = await stateAfter();
      assert.deepEqual(await stateAfter(), once);
    },
  };
}

function pendingState({ status, attemptsMade, startedAttempts, nextAttemptAt, lastError }: OutboxEvent) {
  return { status, attemptsMade, startedAttempts, backsOff: nextAttemptAt !== null, lastError };
}
