import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { OpenWriter } from "@omni-box/core";
import type { OutboxRepositoryCase } from "../outbox-repository-case.js";
import { openOutbox } from "../outbox-scenario.js";
import { sampleEvent } from "../sample-event.js";
import { backOff, from, giveUp, named, readBothWays, requestFor, seqs, seqsOf, writersOf } from "./bucket-reads.js";
import { keysOfBucket, openBuckets } from "./bucket-scenario.js";

const requires = ["ownedBuckets"] as const;

/** What is read of owned buckets, and in which order. Every case peeks too, and compares. */
export const readingCases: readonly OutboxRepositoryCase[] = [
  {
    id: "outbox.buckets.read-order",
    title: "events are read in the order in which the buckets are asked for, and in seq order within each",
    guarantee: "G4",
    requires,
    async run(harness, features) {
      const scenario = openBuckets(harness, features);
      const [a, c, b, a2] = [
        await scenario.add(0, 3),
        await scenario.add(2, 2),
        await scenario.add(1, 2),
        await scenario.add(0, 2),
      ];
      const rows = await readBothWays(scenario, requestFor(from(2, 0, 1)));
      assert.deepEqual(seqsOf(rows), seqs([...c, ...a, ...a2, ...b]));
      assert.ok(
        rows.every(({ isDue }) => isDue),
        "a fresh event is not due",
      );
    },
  },
  {
    id: "outbox.buckets.read-content",
    title: "a read event is what is stored of it",
    requires,
    async run(harness, features) {
      const scenario = openBuckets(harness, features);
      const fields = {
        payload: { amountCents: 1_999 },
        headers: { tenant: "north" },
        idempotencyKey: "payment-9/paid",
      };
      const [ref] = await scenario.add(3, 1, fields);
      const rows = await readBothWays(scenario, requestFor(from(3)));
      assert.deepEqual(
        rows.map(({ event }) => event),
        [await scenario.stored(ref?.id ?? "")],
      );
      assert.deepEqual(rows[0]?.event.payload, fields.payload);
    },
  },
  {
    id: "outbox.buckets.read-other-buckets",
    title: "events of buckets that are not asked for are never read",
    guarantee: "G5",
    requires,
    async run(harness, features) {
      const scenario = openBuckets(harness, features);
      for (const bucket of [0, 1, 2, 3]) await scenario.add(bucket, 2);
      const rows = await readBothWays(scenario, requestFor(from(1, 3)));
      assert.deepEqual(
        rows.map(({ event }) => event.bucket),
        [1, 1, 3, 3],
      );
      assert.deepEqual(await readBothWays(scenario, requestFor([])), []);
    },
  },
  {
    id: "outbox.buckets.read-cursor",
    title: "each bucket is read from behind its own position",
    requires,
    async run(harness, features) {
      const scenario = openBuckets(harness, features);
      const [a, b] = [seqs(await scenario.add(0, 4)), seqs(await scenario.add(1, 4))];
      const positions = [
        { bucket: 1, afterSeq: b[2] ?? 0n, limit: 10 },
        { bucket: 0, afterSeq: a[0] ?? 0n, limit: 10 },
      ];
      assert.deepEqual(seqsOf(await readBothWays(scenario, requestFor(positions))), [...b.slice(3), ...a.slice(1)]);
    },
  },
  {
    id: "outbox.buckets.read-late-commit",
    title: "an event that commits late, behind newer ones, is read from a position below it",
    guarantee: "G2",
    requires: ["ownedBuckets", "concurrentTransactions"],
    async run(harness, features) {
      const scenario = openBuckets(harness, features);
      const { repository } = openOutbox(harness, features);
      const [key] = keysOfBucket(0, await scenario.bucketCount(), 1);
      const newer = await harness.transaction(async (tx) => {
        await repository.add(tx, [sampleEvent({ partitionKey: key })]);
        const committed = seqs(await scenario.add(0, 1));
        assert.deepEqual(
          seqsOf(await readBothWays(scenario, requestFor(from(0)))),
          committed,
          "read before its commit",
        );
        return committed;
      });
      const rows = await readBothWays(scenario, requestFor(from(0)));
      assert.deepEqual([rows.length, rows[1]?.event.seq], [2, newer[0]]);
    },
  },
  {
    id: "outbox.buckets.read-writers",
    title:
      "a transaction that has added events is named by every read until it is over, and certainly hidden no longer",
    guarantee: "G4",
    requires: ["ownedBuckets", "concurrentTransactions"],
    async run(harness, features) {
      const scenario = openBuckets(harness, features);
      const { repository } = openOutbox(harness, features);
      const [key] = keysOfBucket(0, await scenario.bucketCount(), 1);
      const rollBack = new Error("rolled back by the case");
      for (const rollsBack of [false, true]) {
        let added: readonly OpenWriter[] = [];
        const transaction = harness.transaction(async (tx) => {
          const before = await writersOf(scenario);
          await repository.add(tx, [sampleEvent({ partitionKey: key })]);
          const after = await writersOf(scenario);
          added = after.filter(({ id }) => before.every((writer) => writer.id !== id));
          assert.deepEqual(
            added.map(({ isHidden }) => isHidden),
            [true],
            "the transaction is not named, or called seen",
          );
          // Which bucket is read makes no difference, nor who writes besides.
          await scenario.add(1, 1);
          assert.deepEqual(named(await writersOf(scenario, "read", 1), added), added);
          assert.deepEqual(named(await writersOf(scenario, "peek"), added), added);
          if (rollsBack) throw rollBack;
        });
        await transaction.catch((error: unknown) => assert.equal(error, rollBack));
        // What names it may last a moment longer than the transaction itself.
        for (let reads = 1; ; reads += 1) {
          const left = named([...(await writersOf(scenario)), ...(await writersOf(scenario, "peek"))], added);
          assert.ok(
            left.every(({ isHidden }) => !isHidden),
            "a transaction that is over is called hidden",
          );
          if (left.length === 0) break;
          assert.ok(reads < 1_000, "a transaction that is over is named for ever");
        }
      }
    },
  },
  {
    id: "outbox.buckets.read-limits",
    title: "no more events than the limit of a bucket and than the limit of all are read, the first ones",
    requires,
    async run(harness, features) {
      const scenario = openBuckets(harness, features);
      const [a, b, c] = [await scenario.add(0, 5), await scenario.add(1, 5), await scenario.add(2, 5)].map(seqs);
      const positions = [
        { bucket: 0, afterSeq: 0n, limit: 2 },
        { bucket: 1, afterSeq: 0n, limit: 4 },
        { bucket: 2, afterSeq: 0n, limit: 1 },
      ];
      const expected = [...(a ?? []).slice(0, 2), ...(b ?? []).slice(0, 4), ...(c ?? []).slice(0, 1)];
      for (const limit of [100, 7, 4, 2, 1]) {
        const rows = await readBothWays(scenario, requestFor(positions, { limit }));
        assert.deepEqual(seqsOf(rows), expected.slice(0, limit), `with a limit of ${limit}`);
      }
    },
  },
  {
    id: "outbox.buckets.read-pending-only",
    title: "completed and failed events are not read",
    requires: ["ownedBuckets", "keepPublished"],
    async run(harness, features) {
      const scenario = openBuckets(harness, features, { onPublished: "keep" });
      const held = await scenario.own(1);
      const [completed, failed, pending] = await scenario.add(0, 3);
      if (!completed || !failed || !pending) return assert.fail("three events were added");
      assert.deepEqual((await scenario.repository.recordCompleted(held.fence, [completed])).missing, []);
      await giveUp(scenario, held, [failed]);
      assert.deepEqual(seqsOf(await readBothWays(scenario, requestFor(from(0)))), [pending.seq]);
    },
  },
  {
    id: "outbox.buckets.read-not-due",
    title: "an event that backs off is read in its place, and said not to be due until its time has come",
    guarantee: "G4",
    requires,
    async run(harness, features) {
      const scenario = openBuckets(harness, features);
      const held = await scenario.own(1);
      const refs = await scenario.add(0, 3);
      await backOff(scenario, held, refs.slice(0, 2), { delayMs: 600_000 });
      await backOff(scenario, held, refs.slice(1, 2), { delayMs: null });
      const dueNow = async () => (await readBothWays(scenario, requestFor(from(0)))).map(({ isDue }) => isDue);
      assert.deepEqual(await dueNow(), [false, true, true]);
      assert.deepEqual(seqsOf(await readBothWays(scenario, requestFor(from(0)))), seqs(refs));
      await harness.advanceTime(601_000);
      assert.deepEqual(await dueNow(), [true, true, true]);
    },
  },
  {
    id: "outbox.buckets.read-leased",
    title:
      "an event under a lease of its own is read in its place, and is neither due nor a head that is due until the lease ends",
    guarantee: "G4",
    requires,
    async run(harness, features) {
      const scenario = openBuckets(harness, features);
      const [first, second] = await scenario.add(0, 2);
      if (!first || !second) return assert.fail("two events were added");
      const lease = { token: randomUUID(), workerId: "operator", leaseMs: 600_000 };
      assert.notEqual(await scenario.repository.lock(first.id, lease), null);
      const dueNow = async () => (await readBothWays(scenario, requestFor(from(0)))).map(({ isDue }) => isDue);
      assert.deepEqual(await dueNow(), [false, true]);
      assert.deepEqual(await scenario.buckets.headStates([first.seq]), [{ seq: first.seq, state: "backingOff" }]);
      await harness.advanceTime(601_000);
      assert.deepEqual(await dueNow(), [true, true]);
      assert.deepEqual(await scenario.buckets.headStates([first.seq]), [{ seq: first.seq, state: "due" }]);
    },
  },
  {
    id: "outbox.buckets.read-changes-nothing",
    title: "reading and peeking change nothing, however often",
    requires,
    async run(harness, features) {
      const scenario = openBuckets(harness, features);
      const held = await scenario.own(1);
      const refs = await scenario.add(0, 3);
      await backOff(scenario, held, refs.slice(0, 1));
      const before = await Promise.all(refs.map(({ id }) => scenario.stored(id)));
      const first = await readBothWays(scenario, requestFor(from(0)));
      assert.deepEqual(await readBothWays(scenario, requestFor(from(0))), first);
      assert.deepEqual(await Promise.all(refs.map(({ id }) => scenario.stored(id))), before);
    },
  },
  {
    id: "outbox.buckets.peek-fields",
    title: "peeking tells bucket, key, attempts and starts, and fetches nothing of what the event contains",
    guarantee: "G7",
    requires,
    async run(harness, features) {
      const scenario = openBuckets(harness, features);
      const held = await scenario.own(2);
      const [ref] = await scenario.add(1, 1);
      if (!ref) return assert.fail("one event was added");
      await backOff(scenario, held, [ref], { attemptsMade: 3, startedAttempts: 2 });
      const { partitionKey } = await scenario.stored(ref.id);
      const { rows: peeked } = await scenario.buckets.peek(requestFor(from(1)));
      const expected = { ...ref, bucket: 1, partitionKey, attemptsMade: 3, startedAttempts: 2, isDue: false };
      assert.deepEqual(peeked, [expected]);
    },
  },
];
