import assert from "node:assert/strict";
import type { OutboxRepositoryCase } from "./outbox-repository-case.js";
import { openOutbox } from "./outbox-scenario.js";
import { sampleEvents } from "./sample-event.js";

/** What each outcome leaves in the store. */
export const outcomeCases: readonly OutboxRepositoryCase[] = [
  {
    id: "outbox.outcomes.completed-deleted",
    title: 'with onPublished "delete" a completed event is gone',
    async run(harness, features) {
      const outbox = openOutbox(harness, features);
      await outbox.add(sampleEvents(3));
      const taken = await outbox.take({ limit: 2 });
      assert.deepEqual((await outbox.complete(taken)).missing, []);
      for (const { id } of taken.events) assert.equal(await outbox.repository.findById(id), null);
      assert.equal((await outbox.take()).events.length, 1, "the event that was not completed is gone too");
    },
  },
  {
    id: "outbox.outcomes.completed-kept",
    title: 'with onPublished "keep" a completed event stays, without lease, and is never taken again',
    requires: ["keepPublished"],
    async run(harness, features) {
      const outbox = openOutbox(harness, features, { onPublished: "keep" });
      await outbox.add(sampleEvents(2));
      const taken = await outbox.take();
      assert.deepEqual((await outbox.complete(taken)).missing, []);
      await harness.advanceTime(86_400_000);
      assert.deepEqual((await outbox.take()).events, []);
      for (const { id } of taken.events) {
        const stored = await outbox.read(id);
        assert.equal(stored.status, "completed");
        assert.ok(stored.completedAt instanceof Date, "completedAt is not set");
        assert.equal(stored.lease, null);
      }
    },
  },
];
