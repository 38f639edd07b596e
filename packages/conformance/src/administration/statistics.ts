import assert from "node:assert/strict";
import type { TimedHarness } from "../repository/repository-subject.js";
import { type AdministrationStory, firstOf, refsOf } from "./administration-scenario.js";

/** How much there is. */
export const statisticsStories: readonly AdministrationStory<TimedHarness>[] = [
  {
    name: "statistics",
    title: "events are counted by their status, with failed keys, owed dead letters and the longest wait",
    async run({ administration, addKeys, failEach }, harness) {
      const empty = await administration.statistics();
      assert.deepEqual(
        [empty.pending, empty.failed, empty.completed, empty.blockedKeys, empty.oldestPendingMs, empty.expiredLeases],
        [0, 0, 0, 0, null, 0],
      );
      const refs = await addKeys(["a", "a", "b", "c", "d", "d"]);
      await failEach(refs.slice(0, 4));
      await administration.skip({ filter: { partitionKeys: ["c"] }, limit: 1 });
      const [taken] = await administration.takeDeadLetters({ limit: 1, leaseMs: 60_000 });
      assert.ok(taken);
      const { event, failedAt } = taken;
      await administration.recordDeadLettered([{ id: event.id, seq: event.seq, failedAt }]);
      await harness.advanceTime(60_000);
      const counted = await administration.statistics();
      assert.deepEqual(
        [counted.pending, counted.failed, counted.completed, counted.blockedKeys, counted.awaitingDeadLetter],
        [2, 3, 1, 2, 2],
      );
      const { oldestPendingMs } = counted;
      assert.ok(
        oldestPendingMs !== null && oldestPendingMs >= 60_000 && oldestPendingMs < 120_000,
        `${oldestPendingMs}`,
      );
    },
  },
  {
    name: "statistics-bounded",
    title: "no count goes beyond its limit",
    guarantee: "G8",
    async run({ administration, add, addFailed }) {
      await add(3);
      await addFailed(["a", "b", "c"]);
      const { pending, failed, blockedKeys, awaitingDeadLetter, countLimit } = await administration.statistics({
        countLimit: 2,
      });
      assert.deepEqual([pending, failed, blockedKeys, awaitingDeadLetter, countLimit], [2, 2, 2, 2, 2]);
    },
  },
  {
    name: "statistics-waiting",
    title: "what is not due yet has not waited",
    async run({ administration, add, take, record, repository }) {
      await add(1);
      const { fence, events } = await take();
      const rows = refsOf(events).map((row) => ({
        ...row,
        attemptsMade: 1,
        startedAttempts: 0,
        delayMs: 60_000,
        error: "no",
      }));
      await record(repository.recordPending, fence, rows);
      const { pending, oldestPendingMs } = await administration.statistics();
      assert.deepEqual([pending, oldestPendingMs], [1, null]);
    },
  },
  {
    name: "statistics-leases",
    title: "leases that have run out are counted",
    async run({ administration, add, take }, harness) {
      await add(3);
      await take({ limit: 2, leaseMs: 60_000 });
      assert.equal((await administration.statistics()).expiredLeases, 0);
      await harness.advanceTime(61_000);
      assert.equal((await administration.statistics()).expiredLeases, 2);
      assert.equal(firstOf([await administration.statistics()]).pending, 3);
    },
  },
];
