import assert from "node:assert/strict";
import type { OutboxRepositoryCase } from "./outbox-repository-case.js";
import { caseLeaseMs, openOutbox, refOf } from "./outbox-scenario.js";
import { sampleEvent, sampleEvents } from "./sample-event.js";

const requires = ["leasedClaim"] as const;

/** What a claim returns, and what it leaves alone. */
export const claimCases: readonly OutboxRepositoryCase[] = [
  {
    id: "outbox.claim.empty",
    title: "a claim of an empty store returns nothing",
    requires,
    async run(harness, features) {
      assert.deepEqual((await openOutbox(harness, features).take()).events, []);
    },
  },
  {
    id: "outbox.claim.limit",
    title: "a claim never takes more than its limit and leaves the rest to the next",
    guarantee: "G8",
    requires,
    async run(harness, features) {
      const outbox = openOutbox(harness, features);
      await outbox.add(sampleEvents(10));
      const sizes: number[] = [];
      for (let turn = 0; turn < 4; turn += 1) sizes.push((await outbox.take({ limit: 4 })).events.length);
      assert.deepEqual(sizes, [4, 4, 2, 0], "sizes of four claims with limit 4 over 10 due events");
    },
  },
  {
    id: "outbox.claim.seq-order",
    title: "a claim returns the oldest due events in the order of their seq, also after some were released",
    guarantee: "G4",
    requires,
    async run(harness, features) {
      const outbox = openOutbox(harness, features);
      await outbox.add(sampleEvents(40));
      // Rows written again lie elsewhere in a table than their seq says.
      await outbox.release(await outbox.take({ limit: 15 }));
      await outbox.release(await outbox.take({ limit: 5 }));
      const first = (await outbox.take({ limit: 30 })).events.map(refOf);
      const second = (await outbox.take({ limit: 30 })).events.map(refOf);
      const seqs = [...first, ...second].map(({ seq }) => seq);
      assert.equal(seqs.length, 40);
      assert.deepEqual(
        seqs,
        [...seqs].sort((a, b) => (a < b ? -1 : 1)),
      );
    },
  },
  {
    id: "outbox.claim.longest-due-first",
    title: "a claim takes those that have been due longest, so that neither new events nor retries starve the other",
    requires,
    async run(harness, features) {
      const outbox = openOutbox(harness, features);
      const [retried, waiting, fresh] = [sampleEvent(), sampleEvent(), sampleEvent()];
      await outbox.add([retried]);
      const { fence, events } = await outbox.take();
      const rows = events.map((event) => ({ ...refOf(event), attemptsMade: 1, delayMs: 60_000, error: "refused" }));
      await outbox.record(outbox.repository.recordPending, fence, rows);
      await harness.advanceTime(10_000);
      await outbox.add([waiting]);
      await harness.advanceTime(60_000);
      await outbox.add([fresh]);
      const order: string[] = [];
      for (let turn = 0; turn < 3; turn += 1) order.push(...idsOf((await outbox.take({ limit: 1 })).events));
      assert.deepEqual(order, [waiting.id, retried.id, fresh.id]);
    },
  },
  {
    id: "outbox.claim.shows-lease",
    title: "a claimed event carries the claim's token and worker, and is stored so",
    guarantee: "G5",
    requires,
    async run(harness, features) {
      const outbox = openOutbox(harness, features);
      await outbox.add([sampleEvent()]);
      const { fence, events } = await outbox.take({ workerId: "worker-7" });
      const [event] = events;
      assert.ok(event);
      assert.equal(event.status, "pending");
      assert.equal(event.lease?.token, fence.token);
      assert.equal(event.lease?.workerId, "worker-7");
      assert.deepEqual(await outbox.read(event.id), event);
    },
  },
  {
    id: "outbox.claim.scheduled",
    title: "an event scheduled for later is not claimed before its time, and is claimed after it",
    requires,
    async run(harness, features) {
      const outbox = openOutbox(harness, features);
      const later = sampleEvent({ scheduledAt: new Date(Date.now() + 3_600_000) });
      const past = sampleEvent({ scheduledAt: new Date(Date.now() - 3_600_000) });
      await outbox.add([later, past]);
      assert.deepEqual(idsOf((await outbox.take()).events), [past.id]);
      await harness.advanceTime(3_700_000);
      assert.ok(idsOf((await outbox.take()).events).includes(later.id), "not claimed after its time");
    },
  },
  {
    id: "outbox.claim.backing-off",
    title: "an event that backs off is not claimed before its next attempt is due",
    requires,
    async run(harness, features) {
      const outbox = openOutbox(harness, features);
      await outbox.add([sampleEvent()]);
      const { fence, events } = await outbox.take();
      const rows = events.map((event) => ({ ...refOf(event), attemptsMade: 1, delayMs: 600_000, error: "refused" }));
      await outbox.record(outbox.repository.recordPending, fence, rows);
      assert.deepEqual((await outbox.take()).events, [], "claimed while backing off");
      await harness.advanceTime(601_000);
      assert.deepEqual(idsOf((await outbox.take()).events), idsOf(events), "not claimed after the backoff");
    },
  },
  {
    id: "outbox.claim.filters",
    title: "filters narrow a claim: alternatives within a field, all fields together",
    requires,
    async run(harness, features) {
      const outbox = openOutbox(harness, features);
      const placed = sampleEvent();
      const paid = sampleEvent({ type: "order.paid" });
      const shipped = sampleEvent({ type: "shipment.sent", topic: "shipments", aggregateType: "shipment" });
      const archived = sampleEvent({ topic: "archive" });
      await outbox.add([placed, paid, shipped, archived]);
      const takenWith = async (filters: object) => {
        const taken = await outbox.take({ filters });
        await outbox.release(taken);
        return idsOf(taken.events);
      };
      assert.deepEqual(await takenWith({ topics: ["orders"] }), [placed.id, paid.id]);
      assert.deepEqual(await takenWith({ topics: ["shipments", "archive"] }), [shipped.id, archived.id]);
      assert.deepEqual(await takenWith({ types: ["order.paid", "shipment.sent"] }), [paid.id, shipped.id]);
      assert.deepEqual(await takenWith({ aggregateTypes: ["shipment"] }), [shipped.id]);
      assert.deepEqual(await takenWith({ topics: ["orders"], types: ["order.placed"] }), [placed.id]);
      assert.deepEqual(await takenWith({ topics: ["orders"], aggregateTypes: ["shipment"] }), []);
      assert.deepEqual(await takenWith({}), [placed.id, paid.id, shipped.id, archived.id]);
    },
  },
  {
    id: "outbox.claim.unexpired-lease",
    title: "an event under an unexpired lease is not claimed by anyone else",
    guarantee: "G5",
    requires,
    async run(harness, features) {
      const outbox = openOutbox(harness, features);
      await outbox.add(sampleEvents(3));
      await outbox.take();
      await harness.advanceTime(caseLeaseMs / 2);
      assert.deepEqual((await openOutbox(harness, features).take()).events, []);
    },
  },
  {
    id: "outbox.claim.expired-lease",
    title: "an event whose lease has expired is claimed again, under the new token",
    guarantee: "G2",
    requires,
    async run(harness, features) {
      const outbox = openOutbox(harness, features);
      await outbox.add(sampleEvents(3));
      const first = await outbox.take();
      await harness.advanceTime(caseLeaseMs + 1_000);
      const second = await openOutbox(harness, features).take({ workerId: "successor" });
      assert.deepEqual(idsOf(second.events), idsOf(first.events));
      for (const { lease } of second.events) assert.equal(lease?.token, second.fence.token);
      for (const { lease } of second.events) assert.equal(lease?.workerId, "successor");
    },
  },
];

function idsOf(events: readonly { readonly id: string }[]): string[] {
  return events.map(({ id }) => id);
}
