import assert from "node:assert/strict";
import { caseLeaseMs, idsOf, refOf } from "./event-scenario.js";
import type { RepositoryCase, RepositorySubject, TimedHarness } from "./repository-subject.js";

const requires = ["leasedClaim"] as const;

/** What a claim returns, and what it leaves alone. */
export function claimCases<Harness extends TimedHarness>({
  name,
  open,
}: RepositorySubject<Harness>): readonly RepositoryCase<Harness>[] {
  return [
    {
      id: `${name}.claim.empty`,
      title: "a claim of an empty store returns nothing",
      requires,
      async run(harness, features) {
        assert.deepEqual((await open(harness, features).take()).events, []);
      },
    },
    {
      id: `${name}.claim.limit`,
      title: "a claim never takes more than its limit and leaves the rest to the next",
      guarantee: "G8",
      requires,
      async run(harness, features) {
        const store = open(harness, features);
        await store.add(10);
        const sizes: number[] = [];
        for (let turn = 0; turn < 4; turn += 1) sizes.push((await store.take({ limit: 4 })).events.length);
        assert.deepEqual(sizes, [4, 4, 2, 0], "sizes of four claims with limit 4 over 10 due events");
      },
    },
    {
      id: `${name}.claim.seq-order`,
      title: "a claim returns the oldest due events in the order of their seq, also after some were released",
      guarantee: "G4",
      requires,
      async run(harness, features) {
        const store = open(harness, features);
        await store.add(40);
        // Rows written again lie elsewhere in a table than their seq says.
        await store.release(await store.take({ limit: 15 }));
        await store.release(await store.take({ limit: 5 }));
        const first = (await store.take({ limit: 30 })).events.map(refOf);
        const second = (await store.take({ limit: 30 })).events.map(refOf);
        const seqs = [...first, ...second].map(({ seq }) => seq);
        assert.equal(seqs.length, 40);
        assert.deepEqual(
          seqs,
          [...seqs].sort((a, b) => (a < b ? -1 : 1)),
        );
      },
    },
    {
      id: `${name}.claim.longest-due-first`,
      title: "a claim takes those that have been due longest, so that neither new events nor retries starve the other",
      requires,
      async run(harness, features) {
        const store = open(harness, features);
        const [retried] = await store.add(1);
        const { fence, events } = await store.take();
        const rows = events.map((event) => ({
          ...refOf(event),
          attemptsMade: 1,
          startedAttempts: 0,
          delayMs: 60_000,
          error: "refused",
        }));
        await store.record(store.repository.recordPending, fence, rows);
        await harness.advanceTime(10_000);
        const [waiting] = await store.add(1);
        await harness.advanceTime(60_000);
        const [fresh] = await store.add(1);
        const order: string[] = [];
        for (let turn = 0; turn < 3; turn += 1) order.push(...idsOf((await store.take({ limit: 1 })).events));
        assert.deepEqual(order, [waiting?.id, retried?.id, fresh?.id]);
      },
    },
    {
      id: `${name}.claim.shows-lease`,
      title: "a claimed event carries the claim's token and worker, and is stored so",
      guarantee: "G5",
      requires,
      async run(harness, features) {
        const store = open(harness, features);
        await store.add(1);
        const { fence, events } = await store.take({ workerId: "worker-7" });
        const [event] = events;
        assert.ok(event);
        assert.equal(event.status, "pending");
        assert.equal(event.lease?.token, fence.token);
        assert.equal(event.lease?.workerId, "worker-7");
        assert.deepEqual(await store.read(event.id), event);
      },
    },
    {
      id: `${name}.claim.backing-off`,
      title: "an event that backs off is not claimed before its next attempt is due",
      requires,
      async run(harness, features) {
        const store = open(harness, features);
        await store.add(1);
        const { fence, events } = await store.take();
        const rows = events.map((event) => ({
          ...refOf(event),
          attemptsMade: 1,
          startedAttempts: 0,
          delayMs: 600_000,
          error: "refused",
        }));
        await store.record(store.repository.recordPending, fence, rows);
        assert.deepEqual((await store.take()).events, [], "claimed while backing off");
        await harness.advanceTime(601_000);
        assert.deepEqual(idsOf((await store.take()).events), idsOf(events), "not claimed after the backoff");
      },
    },
    {
      id: `${name}.claim.unexpired-lease`,
      title: "an event under an unexpired lease is not claimed by anyone else",
      guarantee: "G5",
      requires,
      async run(harness, features) {
        const store = open(harness, features);
        await store.add(3);
        await store.take();
        await harness.advanceTime(caseLeaseMs / 2);
        assert.deepEqual((await open(harness, features).take()).events, []);
      },
    },
    {
      id: `${name}.claim.expired-lease`,
      title: "an event whose lease has expired is claimed again, under the new token",
      guarantee: "G2",
      requires,
      async run(harness, features) {
        const store = open(harness, features);
        await store.add(3);
        const first = await store.take();
        await harness.advanceTime(caseLeaseMs + 1_000);
        const second = await open(harness, features).take({ workerId: "successor" });
        assert.deepEqual(idsOf(second.events), idsOf(first.events));
        for (const { lease } of second.events) assert.equal(lease?.token, second.fence.token);
        for (const { lease } of second.events) assert.equal(lease?.workerId, "successor");
      },
    },
  ];
}
