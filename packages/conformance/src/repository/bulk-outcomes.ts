import assert from "node:assert/strict";
import { caseLeaseMs, refOf } from "./event-scenario.js";
import type { RepositoryCase, RepositorySubject, TimedHarness } from "./repository-subject.js";

/** Outcomes of whole batches, and of nothing, and the same ones twice. */
export function bulkOutcomeCases<Harness extends TimedHarness>({
  name,
  open,
}: RepositorySubject<Harness>): readonly RepositoryCase<Harness>[] {
  return [
    {
      id: `${name}.outcomes.bulk-values`,
      title: "in one call every row gets its own attempts, backoff and error",
      requires: ["bulkOutcomes"],
      async run(harness, features) {
        const store = open(harness, features);
        await store.add(60);
        const { fence, events } = await store.take();
        const pending = events.slice(0, 30).map((event, index) => ({
          ...refOf(event),
          attemptsMade: index % 10,
          startedAttempts: index % 4,
          delayMs: index % 3 === 0 ? null : index * 60_000,
          error: index % 2 === 0 ? `failure ${index}` : null,
        }));
        const failed = events
          .slice(30)
          .map((event, index) => ({ ...refOf(event), attemptsMade: index % 10, error: `end ${index}` }));
        assert.deepEqual((await store.repository.recordPending(fence, pending)).missing, []);
        assert.deepEqual((await store.repository.recordFailed(fence, failed)).missing, []);
        for (const row of pending) {
          const stored = await store.read(row.id);
          assert.equal(stored.attemptsMade, row.attemptsMade);
          assert.equal(stored.startedAttempts, row.startedAttempts);
          assert.equal(stored.lastError, row.error);
          assert.equal(stored.nextAttemptAt === null, row.delayMs === null);
        }
        for (const row of failed) {
          const stored = await store.read(row.id);
          assert.deepEqual(
            [stored.status, stored.attemptsMade, stored.lastError],
            ["failed", row.attemptsMade, row.error],
          );
        }
        const delays = new Map(pending.map(({ id, delayMs }) => [id, delayMs ?? 0]));
        await harness.advanceTime(600_000 + 30_000);
        const due = pending.filter(({ id }) => (delays.get(id) ?? 0) <= 600_000).map(({ id }) => id);
        assert.deepEqual(
          (await store.take()).events.map(({ id }) => id),
          due,
          "delays were mixed up",
        );
      },
    },
    {
      id: `${name}.outcomes.bulk-thousands`,
      title: "two thousand rows are completed in one call",
      requires: ["bulkOutcomes"],
      async run(harness, features) {
        const store = open(harness, features);
        await store.add(2_000);
        const taken = await store.take({ limit: 2_000 });
        assert.equal(taken.events.length, 2_000);
        assert.deepEqual((await store.complete(taken)).missing, []);
        await harness.advanceTime(caseLeaseMs + 1_000);
        assert.deepEqual(await store.repository.findDue({ limit: 1 }), [], "some were not completed");
      },
    },
    {
      id: `${name}.outcomes.no-rows`,
      title: "an outcome of no rows is harmless",
      async run(harness, features) {
        const { repository, add, take } = open(harness, features);
        await add(1);
        const { fence } = await take();
        for (const receipt of [
          await repository.recordCompleted(fence, []),
          await repository.recordPending(fence, []),
          await repository.recordFailed(fence, []),
          await repository.extendLease(fence, [], 1_000),
        ]) {
          assert.deepEqual(receipt.missing, []);
        }
        assert.deepEqual((await take()).events, [], "the lease is gone");
      },
    },
    {
      id: `${name}.outcomes.repeated`,
      title: "repeating an outcome changes nothing and reports the rows as missing",
      guarantee: "G5",
      async run(harness, features) {
        const store = open(harness, features);
        await store.add(3);
        const { fence, events } = await store.take();
        const [done, retried, given] = events.map((event) => ({
          ...refOf(event),
          attemptsMade: 1,
          startedAttempts: 0,
          delayMs: null,
          error: "x",
        }));
        assert.ok(done && retried && given);
        const { repository } = store;
        const steps = [
          () => store.record(repository.recordCompleted, fence, [refOf(done)]),
          () => store.record(repository.recordPending, fence, [retried]),
          () => store.record(repository.recordFailed, fence, [given]),
        ];
        for (const step of steps) assert.deepEqual((await step()).missing, []);
        const before = [await store.read(retried.id), await store.read(given.id)];
        const repeated = [];
        for (const step of steps) repeated.push(...(await step()).missing);
        assert.deepEqual(repeated, [done, retried, given].map(refOf));
        assert.deepEqual([await store.read(retried.id), await store.read(given.id)], before);
      },
    },
  ];
}
