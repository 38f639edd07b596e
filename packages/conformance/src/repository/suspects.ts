import assert from "node:assert/strict";
import { caseLeaseMs, refOf, type Taken } from "./event-scenario.js";
import type { RepositoryCase, RepositorySubject, StoreScenario, TimedHarness } from "./repository-subject.js";

const requires = ["leasedClaim"] as const;

/** Marking events whose worker may have died of them. */
export function suspectCases<Harness extends TimedHarness>(
  subject: RepositorySubject<Harness>,
): readonly RepositoryCase<Harness>[] {
  const { name, open } = subject;
  return [
    {
      id: `${name}.suspects.marked`,
      title: "a claim that takes over an expired lease marks the event with startedAttempts 1, and no other claim does",
      guarantee: "G7",
      requires,
      async run(harness, features) {
        const store = open(harness, features);
        await store.add(2);
        const first = await store.take();
        assert.deepEqual(startsOf(first), [0, 0], "a first claim marked its events");
        await store.release(first);
        assert.deepEqual(startsOf(await store.take()), [0, 0], "a released event was marked");
        await harness.advanceTime(caseLeaseMs + 1_000);
        const takenOver = await open(harness, features).take();
        assert.deepEqual(startsOf(takenOver), [1, 1]);
        for (const event of takenOver.events) assert.deepEqual(await store.read(event.id), event);
        await harness.advanceTime(caseLeaseMs + 1_000);
        assert.deepEqual(startsOf(await store.take()), [1, 1], "a mark was counted on");
      },
    },
    {
      id: `${name}.suspects.kept`,
      title: "a pending row keeps as many starts as it is given, and the next claim shows them",
      guarantee: "G7",
      async run(harness, features) {
        const store = open(harness, features);
        await store.add(1);
        const { fence, events } = await store.take();
        const suspects = events.map((event) => {
          return { ...refOf(event), attemptsMade: 0, startedAttempts: 3, delayMs: null, error: null };
        });
        assert.deepEqual((await store.record(store.repository.recordPending, fence, suspects)).missing, []);
        assert.equal((await store.read(events[0]?.id ?? "")).startedAttempts, 3);
        assert.deepEqual(startsOf(await store.take()), [3]);
      },
    },
    cleared(subject, "a released one is claimed unmarked", (store, taken) => store.release(taken), "released"),
    cleared(subject, "a failed one is stored unmarked", (store, taken) => store.fail(taken, "given up"), "failed"),
  ];
}

function cleared<Harness extends TimedHarness>(
  { name, open }: RepositorySubject<Harness>,
  what: string,
  settle: (store: StoreScenario, taken: Taken) => Promise<{ readonly missing: readonly unknown[] }>,
  outcome: string,
): RepositoryCase<Harness> {
  return {
    id: `${name}.suspects.cleared-${outcome}`,
    title: `an outcome takes the mark from a suspect: ${what}`,
    guarantee: "G7",
    requires,
    async run(harness, features) {
      const store = open(harness, features);
      await store.add(1);
      await store.take();
      await harness.advanceTime(caseLeaseMs + 1_000);
      const taken = await store.take();
      assert.deepEqual(startsOf(taken), [1]);
      assert.deepEqual((await settle(store, taken)).missing, []);
      assert.equal((await store.read(taken.events[0]?.id ?? "")).startedAttempts, 0);
      const again = await store.take();
      assert.deepEqual(startsOf(again), outcome === "failed" ? [] : [0]);
    },
  };
}

function startsOf({ events }: Taken): number[] {
  return events.map(({ startedAttempts }) => startedAttempts);
}
