import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { OutcomeReceipt } from "@omni-box/core";
import type { OutboxRepositoryCase } from "./outbox-repository-case.js";
import { caseLeaseMs, type OutboxScenario, openOutbox, refOf, type Taken } from "./outbox-scenario.js";
import { sampleEvent, sampleEvents } from "./sample-event.js";

/** That a worker which lost its lease can change nothing. */
export const lostLeaseCases: readonly OutboxRepositoryCase[] = [
  lateOutcome("completed", (outbox, taken) => outbox.complete(taken)),
  lateOutcome("pending", (outbox, taken) => outbox.release(taken)),
  lateOutcome("failed", (outbox, taken) => outbox.fail(taken, "late")),
  lateOutcome("extend", ({ record, repository }, { fence, events }) =>
    record((held, rows) => repository.extendLease(held, rows, caseLeaseMs * 10), fence, events.map(refOf)),
  ),
  {
    id: "outbox.lost-lease.partial",
    title: "of a batch that lost some of its events, the others are recorded and exactly the lost ones reported",
    guarantee: "G5",
    async run(harness, features) {
      const outbox = openOutbox(harness, features);
      await outbox.add(sampleEvents(10));
      const taken = await outbox.take();
      await harness.advanceTime(caseLeaseMs + 1_000);
      const successor = await openOutbox(harness, features).take({ limit: 3 });
      const { missing } = await outbox.complete(taken);
      assert.deepEqual(bySeq(missing), bySeq(successor.events.map(refOf)));
      assert.deepEqual((await outbox.take()).events, [], "the rest of the batch was not completed");
      for (const { id } of successor.events) {
        assert.equal((await outbox.read(id)).lease?.token, successor.fence.token);
      }
    },
  },
  {
    id: "outbox.lost-lease.expired-but-held",
    title: "an outcome under an expired lease that nobody took over is recorded",
    guarantee: "G2",
    async run(harness, features) {
      const outbox = openOutbox(harness, features);
      await outbox.add(sampleEvents(3));
      const taken = await outbox.take();
      await harness.advanceTime(caseLeaseMs * 2);
      assert.deepEqual((await outbox.complete(taken)).missing, []);
      assert.deepEqual((await outbox.take()).events, []);
    },
  },
  {
    id: "outbox.lost-lease.never-held",
    title: "an outcome for events that were never taken, or do not exist, changes nothing and reports them",
    guarantee: "G5",
    async run(harness, features) {
      const outbox = openOutbox(harness, features);
      const draft = sampleEvent();
      await outbox.add([draft]);
      const stored = await outbox.read(draft.id);
      const unknown = { id: randomUUID(), seq: stored.seq + 1_000_000n };
      const rows = [refOf(stored), unknown];
      const receipt = await outbox.record(
        outbox.repository.recordCompleted,
        { kind: "lease", token: randomUUID() },
        rows,
      );
      assert.deepEqual(bySeq(receipt.missing), bySeq(rows));
      assert.deepEqual(await outbox.read(draft.id), stored);
    },
  },
  {
    id: "outbox.lost-lease.race",
    title: "when an outcome races with a take-over, each event belongs to exactly one of the two",
    guarantee: "G5",
    requires: ["leasedClaim", "bulkOutcomes"],
    async run(harness, features) {
      const [slow, quick] = [openOutbox(harness, features), openOutbox(harness, features)];
      for (let round = 0; round < 10; round += 1) {
        await slow.add(sampleEvents(20));
        const taken = await slow.take();
        await harness.advanceTime(caseLeaseMs + 1_000);
        const [receipt, successor] = await Promise.all([slow.complete(taken), quick.take()]);
        const takenOver = successor.events.map(refOf);
        assert.deepEqual(bySeq(receipt.missing), bySeq(takenOver), "an event was completed and taken over, or neither");
        assert.deepEqual((await quick.complete(successor)).missing, []);
      }
    },
  },
];

function lateOutcome(
  name: string,
  late: (outbox: OutboxScenario, taken: Taken) => Promise<OutcomeReceipt>,
): OutboxRepositoryCase {
  return {
    id: `outbox.lost-lease.${name}`,
    title: `a late ${name === "extend" ? "extension" : `"${name}"`} under a lost lease changes nothing and reports every event`,
    guarantee: "G5",
    async run(harness, features) {
      const outbox = openOutbox(harness, features);
      await outbox.add(sampleEvents(3));
      const lost = await outbox.take();
      await harness.advanceTime(caseLeaseMs + 1_000);
      const successor = await openOutbox(harness, features).take();
      assert.equal(successor.events.length, 3, "the expired lease was not taken over");
      const { missing } = await late(outbox, lost);
      assert.deepEqual(bySeq(missing), bySeq(lost.events.map(refOf)));
      for (const event of successor.events) assert.deepEqual(await outbox.read(event.id), event);
      assert.deepEqual((await outbox.complete(successor)).missing, [], "the holder's own outcome was not recorded");
    },
  };
}

function bySeq<Ref extends { readonly seq: bigint; readonly id: string }>(refs: readonly Ref[]): Ref[] {
  return [...refs].sort((a, b) => (a.seq < b.seq ? -1 : 1));
}
