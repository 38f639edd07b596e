import assert from "node:assert/strict";
import type { AddedEvent } from "@omni-box/core";
import type { OutboxRepositoryCase } from "./outbox-repository-case.js";
import { openOutbox } from "./outbox-scenario.js";
import { sampleEvent } from "./sample-event.js";

/** What becomes of an event that is stored already. */
export const duplicateCases: readonly OutboxRepositoryCase[] = [
  {
    id: "outbox.duplicates.key-in-one-add",
    title: "of two events with one idempotency key in one add, the second is reported as duplicate and not stored",
    async run(harness, features) {
      const outbox = openOutbox(harness, features);
      const other = sampleEvent();
      const added = await outbox.add([withKey("k", 1), other, withKey("k", 2)]);
      assert.deepEqual(duplicatesOf(added), [false, false, true]);
      const { events } = await outbox.take();
      assert.deepEqual(
        events.map(({ seq }) => seq),
        [added[0]?.seq, added[1]?.seq],
      );
      assert.deepEqual(events[0]?.payload, { copy: 1 });
    },
  },
  {
    id: "outbox.duplicates.key-later",
    title: "an idempotency key that is stored already is reported as duplicate in the same and in later transactions",
    async run(harness, features) {
      const outbox = openOutbox(harness, features);
      const added = await harness.transaction(async (tx) => [
        ...(await outbox.repository.add(tx, [withKey("k", 1)])),
        ...(await outbox.repository.add(tx, [withKey("k", 2)])),
      ]);
      const later = await outbox.add([withKey("k", 3), sampleEvent()]);
      assert.deepEqual(duplicatesOf([...added, ...later]), [false, true, true, false]);
      assert.equal((await outbox.take()).events.length, 2);
    },
  },
  {
    id: "outbox.duplicates.id",
    title: "one draft given twice is stored once, also in another transaction",
    async run(harness, features) {
      const outbox = openOutbox(harness, features);
      const draft = sampleEvent();
      assert.deepEqual(duplicatesOf(await outbox.add([draft, draft])), [false, true]);
      assert.deepEqual(await outbox.add([draft]), [{ id: draft.id, seq: null, duplicate: true }]);
      assert.equal((await outbox.take()).events.length, 1);
    },
  },
  {
    id: "outbox.duplicates.after-rollback",
    title: "an idempotency key of a rolled back transaction is free again",
    guarantee: "G1",
    async run(harness, features) {
      const outbox = openOutbox(harness, features);
      const attempt = harness.transaction(async (tx) => {
        await outbox.repository.add(tx, [withKey("k", 1)]);
        throw new Error("rolled back");
      });
      await assert.rejects(attempt, /rolled back/);
      assert.deepEqual(duplicatesOf(await outbox.add([withKey("k", 2)])), [false]);
    },
  },
  {
    id: "outbox.duplicates.concurrent",
    title: "of many transactions that add one idempotency key at the same time, exactly one stores it",
    requires: ["concurrentTransactions"],
    async run(harness, features) {
      const outbox = openOutbox(harness, features);
      const copies = Array.from({ length: 6 }, (_, copy) => openOutbox(harness, features).add([withKey("k", copy)]));
      const added = (await Promise.all(copies)).flat();
      assert.equal(added.filter(({ duplicate }) => !duplicate).length, 1, "stored more or less than once");
      assert.ok(
        added.every(({ seq, duplicate }) => duplicate === (seq === null)),
        "seq and duplicate disagree",
      );
      assert.equal((await outbox.take()).events.length, 1);
    },
  },
  {
    id: "outbox.duplicates.concurrent-rollback",
    title: "an add that meets the same key in an open transaction stores its event when that one rolls back",
    guarantee: "G2",
    requires: ["concurrentTransactions"],
    async run(harness, features) {
      const outbox = openOutbox(harness, features);
      let second: Promise<readonly AddedEvent[]> | undefined;
      const first = harness.transaction(async (tx) => {
        await outbox.repository.add(tx, [withKey("k", 1)]);
        second = outbox.add([withKey("k", 2)]);
        // Another round trip gives the second transaction time to reach the store while this one is open.
        await outbox.repository.findDue({ limit: 1 });
        throw new Error("rolled back");
      });
      await assert.rejects(first, /rolled back/);
      assert.deepEqual(duplicatesOf((await second) ?? []), [false]);
      assert.deepEqual((await outbox.take()).events[0]?.payload, { copy: 2 });
    },
  },
];

function withKey(idempotencyKey: string, copy: number) {
  return sampleEvent({ idempotencyKey, payload: { copy } });
}

function duplicatesOf(added: readonly AddedEvent[]): boolean[] {
  return added.map(({ duplicate }) => duplicate);
}
