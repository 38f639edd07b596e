import assert from "node:assert/strict";
import type { OutboxRepositoryCase } from "./outbox-repository-case.js";
import { openOutbox } from "./outbox-scenario.js";
import { sampleEvent, sampleEvents } from "./sample-event.js";

/** Reading without taking. */
export const findDueCases: readonly OutboxRepositoryCase[] = [
  {
    id: "outbox.find-due.order-and-limit",
    title: "due events are read oldest first, up to the limit, and stay untaken",
    async run(harness, features) {
      const outbox = openOutbox(harness, features);
      const added = await outbox.add(sampleEvents(6));
      const ids = added.map(({ id }) => id);
      for (const limit of [4, 4, 100]) {
        const due = await outbox.repository.findDue({ limit });
        assert.deepEqual(
          due.map(({ id }) => id),
          ids.slice(0, limit),
        );
        assert.ok(
          due.every(({ lease }) => lease === null),
          "reading left a lease behind",
        );
      }
    },
  },
  {
    id: "outbox.find-due.only-due",
    title: "leased, scheduled and filtered-out events are not read as due",
    async run(harness, features) {
      const outbox = openOutbox(harness, features);
      const leased = sampleEvent();
      await outbox.add([leased]);
      await outbox.take();
      const scheduled = sampleEvent({ scheduledAt: new Date(Date.now() + 3_600_000) });
      const other = sampleEvent({ topic: "other" });
      const due = sampleEvent();
      await outbox.add([scheduled, other, due]);
      const found = await outbox.repository.findDue({ limit: 10, filters: { topics: ["orders"] } });
      assert.deepEqual(
        found.map(({ id }) => id),
        [due.id],
      );
    },
  },
  {
    id: "outbox.find-by-id.unknown",
    title: "an id that was never stored is not found",
    async run(harness, features) {
      const { repository } = openOutbox(harness, features);
      assert.equal(await repository.findById("0198c0de-0000-7000-8000-000000000000"), null);
    },
  },
];
