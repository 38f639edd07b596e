import assert from "node:assert/strict";
import { refOf } from "../repository/event-scenario.js";
import type { TimedHarness } from "../repository/repository-subject.js";
import { type AdministrationStory, firstOf, idsOf } from "./administration-scenario.js";

const [hour, day] = [3_600_000, 86_400_000];

/** What is done from time to time. */
export const maintenanceStories: readonly AdministrationStory<TimedHarness>[] = [
  {
    name: "remove-completed",
    title: "events that were completed long ago are removed, and no younger or other ones",
    async run({ administration, add, addFailed, repository }, harness) {
      const [old, young] = [await addFailed(["a", "b"]), await addFailed(["c"])];
      const [pending] = await add(1);
      const [failed] = await addFailed(["d"]);
      assert.ok(pending && failed);
      await administration.skip({ filter: { ids: idsOf(old) }, limit: 10 });
      await harness.advanceTime(2 * hour);
      // It is as old, but has not been completed for long.
      await administration.skip({ filter: { ids: idsOf(young) }, limit: 10 });
      const request = { status: "completed", olderThanMs: hour, limit: 10 } as const;
      assert.equal(await administration.removeOld({ ...request, olderThanMs: day }), 0);
      assert.equal(await administration.removeOld(request), 2);
      assert.equal(await administration.removeOld(request), 0);
      for (const { id } of old) assert.equal(await repository.findById(id), null);
      for (const { id } of [...young, pending, failed]) assert.notEqual(await repository.findById(id), null);
    },
  },
  {
    name: "remove-failed",
    title: "events that failed long ago are removed, by the time of their failure",
    async run({ administration, addFailed, addKeys, failEach, repository }, harness) {
      const old = await addFailed(["a"]);
      const young = await addKeys(["b"]);
      await harness.advanceTime(2 * hour);
      await failEach(young);
      assert.equal(await administration.removeOld({ status: "failed", olderThanMs: hour, limit: 10 }), 1);
      assert.equal(await repository.findById(firstOf(old).id), null);
      assert.notEqual(await repository.findById(firstOf(young).id), null);
    },
  },
  {
    name: "remove-limit",
    title: "a removal takes no more than its limit",
    guarantee: "G8",
    async run({ administration, addFailed }) {
      await addFailed(["a", "b", "c"]);
      const request = { status: "failed", olderThanMs: 0, limit: 2 } as const;
      assert.deepEqual([await administration.removeOld(request), await administration.removeOld(request)], [2, 1]);
    },
  },
  {
    name: "remove-dead-lettered",
    title: "where only events with a published dead letter may be removed, the others stay, however old they are",
    guarantee: "G2",
    async run({ administration, addFailed, repository }) {
      const [published, owed] = await addFailed(["a", "b"]);
      assert.ok(published && owed);
      const letters = await administration.takeDeadLetters({ limit: 10, leaseMs: 60_000 });
      const letter = letters.find(({ event }) => event.id === published.id);
      assert.ok(letter);
      await administration.recordDeadLettered([{ ...refOf(letter.event), failedAt: letter.failedAt }]);
      const request = { status: "failed", olderThanMs: 0, limit: 10, onlyDeadLettered: true } as const;
      assert.equal(await administration.removeOld(request), 1);
      assert.equal(await administration.removeOld(request), 0);
      assert.equal(await repository.findById(published.id), null);
      assert.notEqual(await repository.findById(owed.id), null);
    },
  },
  {
    name: "release-leases",
    title:
      "a lease that has run out is taken away, and says as much as it does to a claim: its worker may have died of the event",
    guarantee: "G7",
    async run({ administration, add, take, complete, read }, harness) {
      await add(3);
      const expired = await take({ limit: 2, leaseMs: 60_000 });
      await harness.advanceTime(61_000);
      const held = await take({ limit: 1, leaseMs: 60_000 });
      const [mine] = held.events;
      assert.ok(mine);
      const released = expired.events.filter(({ id }) => id !== mine.id);
      assert.equal(await administration.releaseExpiredLeases({ limit: 10 }), released.length);
      assert.equal(await administration.releaseExpiredLeases({ limit: 10 }), 0);
      for (const { id } of released) {
        const { status, lease, startedAttempts } = await read(id);
        assert.deepEqual([status, lease, startedAttempts], ["pending", null, 1]);
      }
      assert.equal((await read(mine.id)).lease?.token, held.fence.token);
      const { missing } = await complete({ ...expired, events: released });
      assert.deepEqual(missing, released.map(refOf), "a worker whose lease was taken away could still write");
    },
  },
  {
    name: "release-leases-limit",
    title: "no more leases are taken away than the limit",
    async run({ administration, add, take }, harness) {
      await add(3);
      await take({ leaseMs: 60_000 });
      await harness.advanceTime(61_000);
      assert.equal(await administration.releaseExpiredLeases({ limit: 2 }), 2);
      assert.equal(await administration.releaseExpiredLeases({ limit: 2 }), 1);
    },
  },
];
