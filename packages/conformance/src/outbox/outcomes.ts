import assert from "node:assert/strict";
import { limits } from "@omni-box/core";
import type { OutboxRepositoryCase } from "./outbox-repository-case.js";
import { openOutbox, refOf } from "./outbox-scenario.js";
import { sampleEvent, sampleEvents } from "./sample-event.js";

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
  {
    id: "outbox.outcomes.pending",
    title: "a released event is pending without lease, with the attempts, backoff and error it was given",
    async run(harness, features) {
      const outbox = openOutbox(harness, features);
      await outbox.add([sampleEvent()]);
      const { fence, events } = await outbox.take();
      const rows = events.map((event) => ({ ...refOf(event), attemptsMade: 2, delayMs: 60_000, error: "nacked" }));
      assert.deepEqual((await outbox.record(outbox.repository.recordPending, fence, rows)).missing, []);
      const stored = await outbox.read(rows[0]?.id ?? "");
      assert.equal(stored.status, "pending");
      assert.equal(stored.attemptsMade, 2);
      assert.equal(stored.lastError, "nacked");
      assert.ok(stored.nextAttemptAt instanceof Date, "nextAttemptAt is not set");
      assert.equal(stored.lease, null);
    },
  },
  {
    id: "outbox.outcomes.pending-nulls",
    title: "a null delay clears the backoff and a null error leaves the stored one",
    async run(harness, features) {
      const outbox = openOutbox(harness, features);
      await outbox.add([sampleEvent()]);
      const first = await outbox.take();
      const backedOff = first.events.map((event) => ({
        ...refOf(event),
        attemptsMade: 1,
        delayMs: 1_000,
        error: "old",
      }));
      await outbox.record(outbox.repository.recordPending, first.fence, backedOff);
      await harness.advanceTime(2_000);
      const second = await outbox.take();
      assert.deepEqual((await outbox.release(second)).missing, []);
      const stored = await outbox.read(backedOff[0]?.id ?? "");
      assert.equal(stored.nextAttemptAt, null);
      assert.equal(stored.lastError, "old");
      assert.equal(stored.attemptsMade, 1);
      assert.equal((await outbox.take()).events.length, 1, "not due at once");
    },
  },
  {
    id: "outbox.outcomes.failed",
    title: "a failed event keeps its history and is never taken or locked again",
    async run(harness, features) {
      const outbox = openOutbox(harness, features);
      await outbox.add([sampleEvent()]);
      const taken = await outbox.take();
      assert.deepEqual((await outbox.fail(taken, "unroutable")).missing, []);
      await harness.advanceTime(86_400_000);
      assert.deepEqual((await outbox.take()).events, []);
      const stored = await outbox.read(taken.events[0]?.id ?? "");
      assert.equal(stored.status, "failed");
      assert.equal(stored.attemptsMade, 1);
      assert.equal(stored.lastError, "unroutable");
      assert.equal(stored.lease, null);
      assert.equal(stored.completedAt, null);
    },
  },
  {
    id: "outbox.outcomes.attempts-capped",
    title: "attempts are stored as given, but never beyond the event's maxAttempts",
    async run(harness, features) {
      const outbox = openOutbox(harness, features);
      const [retried, given] = [sampleEvent({ maxAttempts: 3 }), sampleEvent({ maxAttempts: 3 })];
      await outbox.add([retried, given]);
      const { fence, events } = await outbox.take();
      const [first, second] = events.map((event) => ({ ...refOf(event), attemptsMade: 9, error: "x", delayMs: null }));
      assert.ok(first && second);
      assert.deepEqual((await outbox.record(outbox.repository.recordPending, fence, [first])).missing, []);
      assert.deepEqual((await outbox.record(outbox.repository.recordFailed, fence, [second])).missing, []);
      assert.equal((await outbox.read(retried.id)).attemptsMade, 3);
      assert.equal((await outbox.read(given.id)).attemptsMade, 3);
    },
  },
  {
    id: "outbox.outcomes.error-text",
    title: `an error of ${limits.lastErrorMaxBytes} bytes, with any characters, is stored whole`,
    guarantee: "G9",
    async run(harness, features) {
      const outbox = openOutbox(harness, features);
      await outbox.add(sampleEvents(2));
      const { fence, events } = await outbox.take();
      const error = `"'\\ $1 {}, 漢字 👩‍👩‍👧 `.padEnd(1_000, "e").padEnd(1_400, "é");
      const whole = error + "x".repeat(limits.lastErrorMaxBytes - Buffer.byteLength(error));
      const [first, second] = events.map((event) => ({
        ...refOf(event),
        attemptsMade: 1,
        delayMs: null,
        error: whole,
      }));
      assert.ok(first && second);
      await outbox.record(outbox.repository.recordPending, fence, [first]);
      await outbox.record(outbox.repository.recordFailed, fence, [second]);
      assert.equal((await outbox.read(first.id)).lastError, whole);
      assert.equal((await outbox.read(second.id)).lastError, whole);
    },
  },
  {
    id: "outbox.outcomes.other-rows",
    title: "an outcome changes the rows it names and no others of the same claim",
    async run(harness, features) {
      const outbox = openOutbox(harness, features);
      await outbox.add(sampleEvents(9));
      const { fence, events } = await outbox.take();
      const part = (from: number) => ({ fence, events: events.slice(from, from + 3) });
      await outbox.complete(part(0));
      await outbox.release(part(3));
      const held = part(6).events;
      for (const { id } of held) assert.equal((await outbox.read(id)).lease?.token, fence.token);
      const again = (await outbox.take()).events.map(({ id }) => id);
      assert.deepEqual(
        again,
        part(3).events.map(({ id }) => id),
      );
    },
  },
];
