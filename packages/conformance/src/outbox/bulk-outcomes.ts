import assert from "node:assert/strict";
import type { OutboxRepositoryCase } from "./outbox-repository-case.js";
import { caseLeaseMs, openOutbox, refOf } from "./outbox-scenario.js";
import { sampleEvent, sampleEvents } from "./sample-event.js";

/** Outcomes of whole batches, and of nothing, and the same ones twice. */
export const bulkOutcomeCases: readonly OutboxRepositoryCase[] = [
  {
    id: "outbox.outcomes.bulk-values",
    title: "in one call every row gets its own attempts, backoff and error",
    requires: ["bulkOutcomes"],
    async run(harness, features) {
      const outbox = openOutbox(harness, features);
      await outbox.add(sampleEvents(60));
      const { fence, events } = await outbox.take();
      const pending = events.slice(0, 30).map((event, index) => ({
        ...refOf(event),
        attemptsMade: index % 10,
        delayMs: index % 3 === 0 ? null : index * 60_000,
        error: index % 2 === 0 ? `failure ${index}` : null,
      }));
      const failed = events
        .slice(30)
        .map((event, index) => ({ ...refOf(event), attemptsMade: index % 10, error: `end ${index}` }));
      assert.deepEqual((await outbox.repository.recordPending(fence, pending)).missing, []);
      assert.deepEqual((await outbox.repository.recordFailed(fence, failed)).missing, []);
      for (const row of pending) {
        const stored = await outbox.read(row.id);
        assert.equal(stored.attemptsMade, row.attemptsMade);
        assert.equal(stored.lastError, row.error);
        assert.equal(stored.nextAttemptAt === null, row.delayMs === null);
      }
      for (const row of failed) {
        const stored = await outbox.read(row.id);
        assert.deepEqual(
          [stored.status, stored.attemptsMade, stored.lastError],
          ["failed", row.attemptsMade, row.error],
        );
      }
      const delays = new Map(pending.map(({ id, delayMs }) => [id, delayMs ?? 0]));
      await harness.advanceTime(600_000 + 30_000);
      const due = pending.filter(({ id }) => (delays.get(id) ?? 0) <= 600_000).map(({ id }) => id);
      assert.deepEqual(
        (await outbox.take()).events.map(({ id }) => id),
        due,
        "delays were mixed up",
      );
    },
  },
  {
    id: "outbox.outcomes.bulk-thousands",
    title: "two thousand rows are completed in one call",
    requires: ["bulkOutcomes"],
    async run(harness, features) {
      const outbox = openOutbox(harness, features);
      await outbox.add(sampleEvents(2_000));
      const taken = await outbox.take({ limit: 2_000 });
      assert.equal(taken.events.length, 2_000);
      assert.deepEqual((await outbox.complete(taken)).missing, []);
      await harness.advanceTime(caseLeaseMs + 1_000);
      assert.deepEqual(await outbox.repository.findDue({ limit: 1 }), [], "some were not completed");
    },
  },
  {
    id: "outbox.outcomes.no-rows",
    title: "an outcome of no rows is harmless",
    async run(harness, features) {
      const { repository, add, take } = openOutbox(harness, features);
      await add([sampleEvent()]);
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
    id: "outbox.outcomes.repeated",
    title: "repeating an outcome changes nothing and reports the rows as missing",
    guarantee: "G5",
    async run(harness, features) {
      const outbox = openOutbox(harness, features);
      await outbox.add(sampleEvents(3));
      const { fence, events } = await outbox.take();
      const [done, retried, given] = events.map((event) => ({
        ...refOf(event),
        attemptsMade: 1,
        delayMs: null,
        error: "x",
      }));
      assert.ok(done && retried && given);
      const { repository } = outbox;
      const steps = [
        () => outbox.record(repository.recordCompleted, fence, [refOnly(done)]),
        () => outbox.record(repository.recordPending, fence, [retried]),
        () => outbox.record(repository.recordFailed, fence, [given]),
      ];
      for (const step of steps) assert.deepEqual((await step()).missing, []);
      const before = [await outbox.read(retried.id), await outbox.read(given.id)];
      const repeated = [];
      for (const step of steps) repeated.push(...(await step()).missing);
      assert.deepEqual(repeated, [done, retried, given].map(refOnly));
      assert.deepEqual([await outbox.read(retried.id), await outbox.read(given.id)], before);
    },
  },
];

function refOnly({ id, seq }: { readonly id: string; readonly seq: bigint }) {
  return { id, seq };
}
