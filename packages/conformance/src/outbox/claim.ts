import assert from "node:assert/strict";
import type { OutboxRepositoryCase } from "./outbox-repository-case.js";
import { openOutbox } from "./outbox-scenario.js";
import { sampleEvent } from "./sample-event.js";

const requires = ["leasedClaim"] as const;

/** What a claim returns, and what it leaves alone. */
export const claimCases: readonly OutboxRepositoryCase[] = [
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
      for (const none of [{ topics: [] }, { consumerGroup: "shipping" }, { sources: ["orders"] }]) {
        assert.deepEqual(await takenWith(none), [], JSON.stringify(none));
      }
      assert.deepEqual(await takenWith({}), [placed.id, paid.id, shipped.id, archived.id]);
    },
  },
];

function idsOf(events: readonly { readonly id: string }[]): string[] {
  return events.map(({ id }) => id);
}
