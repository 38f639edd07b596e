import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { EventAdministration, EventRef, OutboxEvent } from "@omni-box/core";
import { caseLeaseMs, idsOf, refOf } from "../repository/event-scenario.js";
import { allowanceMs, settlesWithin } from "../settlement.js";
import { from, readBothWays, requestFor, retried, seqs, seqsOf } from "./buckets/bucket-reads.js";
import { bucketGraceMs, bucketLeaseMs, fenceOfNothing, keysOfBucket, openBuckets } from "./buckets/bucket-scenario.js";
import type { OutboxRepositoryCase } from "./outbox-repository-case.js";
import type { OutboxRepositoryHarness } from "./outbox-repository-harness.js";
import { openOutbox } from "./outbox-scenario.js";
import { sampleEvent, sampleEvents } from "./sample-event.js";

const requires = ["administration", "ownedBuckets"] as const;

/** What the administration of an outbox promises beyond that of any store of events. */
export const outboxAdministrationCases: readonly OutboxRepositoryCase[] = [
  {
    id: "outbox.administration.requeue-scheduled",
    title: "a requeued event has no schedule any more, because the later events of its key would not wait for it",
    guarantee: "G4",
    requires: ["administration"],
    async run(harness, features) {
      const outbox = openOutbox(harness, features);
      await outbox.add([sampleEvent({ scheduledAt: new Date(Date.now() + 3_600_000) })]);
      const administration = administrationOf(harness);
      const [scheduled] = await administration.list({ filter: {}, limit: 10 });
      assert.ok(scheduled);
      const { id } = scheduled.event;
      const lease = { token: randomUUID(), workerId: "kit", leaseMs: caseLeaseMs };
      const locked = await outbox.repository.lock(id, lease);
      assert.ok(locked);
      await outbox.fail({ fence: { kind: "lease", token: lease.token }, events: [locked] }, "given up by hand");
      await administration.requeue({ filter: { ids: [id] }, limit: 1 });
      assert.equal((await outbox.read(id)).scheduledAt, null);
      assert.deepEqual(idsOf((await outbox.take()).events), [id]);
    },
  },
  {
    id: "outbox.administration.filters-of-outbox",
    title: "a filter can name aggregate types; consumer groups and sources match nothing in an outbox",
    requires: ["administration"],
    async run(harness, features) {
      const outbox = openOutbox(harness, features);
      await outbox.add([sampleEvent({ aggregateType: "order" }), sampleEvent({ aggregateType: "bill" })]);
      const administration = administrationOf(harness);
      const count = async (filter: object) => (await administration.list({ filter, limit: 10 })).length;
      assert.equal(await count({ aggregateTypes: ["bill"] }), 1);
      assert.equal(await count({ consumerGroup: "shipping" }), 0);
      assert.equal(await count({ sources: ["orders"] }), 0);
      assert.equal((await administration.statistics({ consumerGroup: "shipping" })).pending, 0);
      assert.deepEqual(await administration.blockedKeys({ limit: 10, consumerGroup: "shipping" }), []);
    },
  },
  {
    id: "outbox.administration.heads",
    title: "an owner finds a requeued head due and before its tail, and a skipped or purged one gone",
    guarantee: "G4",
    requires,
    async run(harness, features) {
      const scenario = openBuckets(harness, features);
      const administration = administrationOf(harness);
      const { fence } = await scenario.own(1);
      const [partitionKey] = keysOfBucket(0, await scenario.bucketCount(), 1);
      assert.ok(partitionKey);
      const refs = await scenario.add(0, 4, { partitionKey });
      const [first, second, third] = refs;
      assert.ok(first && second && third);
      await scenario.repository.recordFailed(fence, failedRows([first, second, third]));
      const failedSeqs = async () => (await scenario.buckets.failedHeads([0])).map(({ seq }) => seq);
      const stateOf = async ({ seq }: EventRef) => (await scenario.buckets.headStates([seq]))[0]?.state;
      assert.deepEqual([await failedSeqs(), await stateOf(first)], [[first.seq], "failed"]);

      await administration.skip({ filter: { ids: [first.id] }, limit: 1 });
      assert.deepEqual([await failedSeqs(), await stateOf(first)], [[second.seq], undefined]);
      await administration.purge({ filter: { ids: [second.id] }, limit: 1 });
      assert.deepEqual([await failedSeqs(), await stateOf(second)], [[third.seq], undefined]);
      await administration.requeue({ filter: { ids: [third.id] }, limit: 1 });
      assert.deepEqual([await failedSeqs(), await stateOf(third)], [[], "due"]);
      assert.deepEqual(seqsOf(await readBothWays(scenario, requestFor(from(0)))), seqs(refs.slice(2)));
    },
  },
  {
    id: "outbox.administration.history-repeated",
    title: "an outcome that is recorded again, because its answer was lost, adds nothing to the history",
    guarantee: "G2",
    requires,
    async run(harness, features) {
      const scenario = openBuckets(harness, features);
      const administration = administrationOf(harness);
      const { fence } = await scenario.own(1);
      const [ref, capped] = [...(await scenario.add(0, 1)), ...(await scenario.add(0, 1, { maxAttempts: 2 }))];
      assert.ok(ref && capped);
      const rows = [...retried([ref], { attemptsMade: 1 }), ...retried([capped], { attemptsMade: 9 })];
      for (let time = 0; time < 3; time += 1) await scenario.repository.recordPending(fence, rows);
      for (let time = 0; time < 3; time += 1) await scenario.repository.recordFailed(fence, failedRows([ref]));
      const history = async ({ id }: EventRef) =>
        (await administration.find(id))?.history.map(({ what, attemptsMade }) => [what, attemptsMade]);
      assert.deepEqual(await history(ref), [
        ["retried", 1],
        ["failed", 1],
      ]);
      assert.deepEqual(await history(capped), [["retried", 2]]);
    },
  },
  {
    id: "outbox.administration.owners",
    title: "statistics name the workers with their buckets, and count those that no living worker holds",
    requires,
    async run(harness, features) {
      const scenario = openBuckets(harness, features);
      const administration = administrationOf(harness);
      const bucketCount = await scenario.bucketCount();
      assert.deepEqual((await administration.statistics()).owners, []);
      assert.equal((await administration.statistics()).unownedBuckets, bucketCount);
      await scenario.buckets.renew(fenceOfNothing("idle"), bucketLeaseMs);
      const { fence } = await scenario.own(2, "busy");
      await scenario.buckets.renew(fence, bucketLeaseMs);
      const { owners, unownedBuckets } = await administration.statistics();
      assert.deepEqual(
        owners.map(({ id, buckets }) => [id, [...buckets]]),
        [
          ["busy", [0, 1]],
          ["idle", []],
        ],
      );
      for (const { leaseRemainingMs } of owners) {
        assert.ok(leaseRemainingMs > bucketLeaseMs / 2 && leaseRemainingMs <= bucketLeaseMs, `${leaseRemainingMs}`);
      }
      assert.equal(unownedBuckets, bucketCount - 2);
      await harness.advanceTime(bucketLeaseMs + bucketGraceMs / 2);
      const late = await administration.statistics();
      assert.equal(late.unownedBuckets, bucketCount);
      for (const { leaseRemainingMs } of late.owners) assert.ok(leaseRemainingMs < 0, `${leaseRemainingMs}`);
    },
  },
  {
    id: "outbox.administration.locked",
    title: "nobody waits for an event that somebody else has locked: it is left out, and there are more",
    requires: ["administration", "rowLocks", "concurrentTransactions"],
    async run(harness, features) {
      const outbox = openOutbox(harness, features);
      const administration = administrationOf(harness);
      await outbox.add(sampleEvents(3));
      await outbox.fail(await outbox.take(), "refused");
      const [first, second, third] = (await administration.list({ filter: {}, limit: 10 })).map(({ event }) =>
        refOf(event),
      );
      assert.ok(first && second && third);
      const lockEvent = harness.lockEvent ?? assert.fail("rowLocks is declared and there is no lockEvent");
      await harness.transaction(async (tx) => {
        await lockEvent(tx, first.id);
        const inTime = <Result>(call: Promise<Result>, what: string) => settlesWithin(call, allowanceMs, what);
        const leases = { limit: 10, leaseMs: caseLeaseMs };
        assert.deepEqual(
          (await inTime(administration.takeDeadLetters(leases), "a look for dead letters")).map(({ event }) =>
            refOf(event),
          ),
          [second, third],
        );
        assert.deepEqual(
          await inTime(administration.requeue({ filter: { ids: [first.id, second.id] }, limit: 10 }), "a requeue"),
          { changed: [second], refused: [], missingIds: [], more: true },
        );
        const old = { status: "failed", olderThanMs: 0, limit: 10 } as const;
        assert.equal(await inTime(administration.removeOld(old), "a removal"), 1);
      });
      assert.equal((await administration.requeue({ filter: {}, limit: 10 })).changed.length, 1);
    },
  },
];

function administrationOf(harness: OutboxRepositoryHarness<unknown>): EventAdministration<OutboxEvent> {
  return (
    harness.createAdministration?.() ??
    assert.fail("administration is declared and the harness has no createAdministration")
  );
}

function failedRows(refs: readonly EventRef[]) {
  return refs.map((ref) => ({ ...ref, attemptsMade: 1, error: "refused" }));
}
