import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { OutcomeReceipt } from "@omni-box/core";
import { bySeq, caseLeaseMs, refOf, type Taken } from "./event-scenario.js";
import type { RepositoryCase, RepositorySubject, StoreScenario, TimedHarness } from "./repository-subject.js";

/** That a worker which lost its lease can change nothing. */
export function lostLeaseCases<Harness extends TimedHarness>(
  subject: RepositorySubject<Harness>,
): readonly RepositoryCase<Harness>[] {
  const { name, open } = subject;
  return [
    lateOutcome(subject, "completed", (store, taken) => store.complete(taken)),
    lateOutcome(subject, "pending", (store, taken) => store.release(taken)),
    lateOutcome(subject, "failed", (store, taken) => store.fail(taken, "late")),
    lateOutcome(subject, "extend", ({ record, repository }, { fence, events }) =>
      record((held, rows) => repository.extendLease(held, rows, caseLeaseMs * 10), fence, events.map(refOf)),
    ),
    {
      id: `${name}.lost-lease.partial`,
      title: "of a batch that lost some of its events, the others are recorded and exactly the lost ones reported",
      guarantee: "G5",
      async run(harness, features) {
        const store = open(harness, features);
        await store.add(10);
        const taken = await store.take();
        await harness.advanceTime(caseLeaseMs + 1_000);
        const successor = await open(harness, features).take({ limit: 3 });
        const { missing } = await store.complete(taken);
        assert.deepEqual(bySeq(missing), bySeq(successor.events.map(refOf)));
        assert.deepEqual((await store.take()).events, [], "the rest of the batch was not completed");
        for (const { id } of successor.events) {
          assert.equal((await store.read(id)).lease?.token, successor.fence.token);
        }
      },
    },
    {
      id: `${name}.lost-lease.expired-but-held`,
      title: "an outcome under an expired lease that nobody took over is recorded",
      guarantee: "G2",
      async run(harness, features) {
        const store = open(harness, features);
        await store.add(3);
        const taken = await store.take();
        await harness.advanceTime(caseLeaseMs * 2);
        assert.deepEqual((await store.complete(taken)).missing, []);
        assert.deepEqual((await store.take()).events, []);
      },
    },
    {
      id: `${name}.lost-lease.never-held`,
      title: "an outcome for events that were never taken, or do not exist, changes nothing and reports them",
      guarantee: "G5",
      async run(harness, features) {
        const store = open(harness, features);
        const [added] = await store.add(1);
        const stored = await store.read(added?.id ?? "");
        const unknown = { id: randomUUID(), seq: stored.seq + 1_000_000n };
        const rows = [refOf(stored), unknown];
        const receipt = await store.record(
          store.repository.recordCompleted,
          { kind: "lease", token: randomUUID() },
          rows,
        );
        assert.deepEqual(bySeq(receipt.missing), bySeq(rows));
        assert.deepEqual(await store.read(stored.id), stored);
      },
    },
    {
      id: `${name}.lost-lease.race`,
      title: "when an outcome races with a take-over, each event belongs to exactly one of the two",
      guarantee: "G5",
      requires: ["leasedClaim", "bulkOutcomes"],
      async run(harness, features) {
        const [slow, quick] = [open(harness, features), open(harness, features)];
        for (let round = 0; round < 10; round += 1) {
          await slow.add(20);
          const taken = await slow.take();
          await harness.advanceTime(caseLeaseMs + 1_000);
          const [receipt, successor] = await Promise.all([slow.complete(taken), quick.take()]);
          const takenOver = successor.events.map(refOf);
          assert.deepEqual(
            bySeq(receipt.missing),
            bySeq(takenOver),
            "an event was completed and taken over, or neither",
          );
          assert.deepEqual((await quick.complete(successor)).missing, []);
        }
      },
    },
  ];
}

function lateOutcome<Harness extends TimedHarness>(
  { name, open }: RepositorySubject<Harness>,
  outcome: string,
  late: (store: StoreScenario, taken: Taken) => Promise<OutcomeReceipt>,
): RepositoryCase<Harness> {
  return {
    id: `${name}.lost-lease.${outcome}`,
    title: `a late ${outcome === "extend" ? "extension" : `"${outcome}"`} under a lost lease changes nothing and reports every event`,
    guarantee: "G5",
    async run(harness, features) {
      const store = open(harness, features);
      await store.add(3);
      const lost = await store.take();
      await harness.advanceTime(caseLeaseMs + 1_000);
      const successor = await open(harness, features).take();
      assert.equal(successor.events.length, 3, "the expired lease was not taken over");
      const { missing } = await late(store, lost);
      assert.deepEqual(bySeq(missing), bySeq(lost.events.map(refOf)));
      for (const event of successor.events) assert.deepEqual(await store.read(event.id), event);
      assert.deepEqual((await store.complete(successor)).missing, [], "the holder's own outcome was not recorded");
    },
  };
}
