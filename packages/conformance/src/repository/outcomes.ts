import assert from "node:assert/strict";
import { limits } from "@omni-box/core";
import { refOf } from "./event-scenario.js";
import type { RepositoryCase, RepositorySubject, TimedHarness } from "./repository-subject.js";

/** What each outcome leaves in the store. */
export function outcomeCases<Harness extends TimedHarness>({
  name,
  open,
}: RepositorySubject<Harness>): readonly RepositoryCase<Harness>[] {
  return [
    {
      id: `${name}.outcomes.pending`,
      title: "a released event is pending without lease, with the attempts, backoff and error it was given",
      async run(harness, features) {
        const store = open(harness, features);
        await store.add(1);
        const { fence, events } = await store.take();
        const rows = events.map((event) => ({
          ...refOf(event),
          attemptsMade: 2,
          startedAttempts: 0,
          delayMs: 60_000,
          error: "nacked",
        }));
        assert.deepEqual((await store.record(store.repository.recordPending, fence, rows)).missing, []);
        const stored = await store.read(rows[0]?.id ?? "");
        assert.equal(stored.status, "pending");
        assert.equal(stored.attemptsMade, 2);
        assert.equal(stored.lastError, "nacked");
        assert.ok(stored.nextAttemptAt instanceof Date, "nextAttemptAt is not set");
        assert.equal(stored.lease, null);
      },
    },
    {
      id: `${name}.outcomes.pending-nulls`,
      title: "a null delay clears the backoff and a null error leaves the stored one",
      async run(harness, features) {
        const store = open(harness, features);
        await store.add(1);
        const first = await store.take();
        const backedOff = first.events.map((event) => ({
          ...refOf(event),
          attemptsMade: 1,
          startedAttempts: 0,
          delayMs: 1_000,
          error: "old",
        }));
        await store.record(store.repository.recordPending, first.fence, backedOff);
        await harness.advanceTime(2_000);
        const second = await store.take();
        assert.deepEqual((await store.release(second)).missing, []);
        const stored = await store.read(backedOff[0]?.id ?? "");
        assert.equal(stored.nextAttemptAt, null);
        assert.equal(stored.lastError, "old");
        assert.equal(stored.attemptsMade, 1);
        assert.equal((await store.take()).events.length, 1, "not due at once");
      },
    },
    {
      id: `${name}.outcomes.failed`,
      title: "a failed event keeps its history and is never taken or locked again",
      async run(harness, features) {
        const store = open(harness, features);
        await store.add(1);
        const taken = await store.take();
        assert.deepEqual((await store.fail(taken, "unroutable")).missing, []);
        await harness.advanceTime(86_400_000);
        assert.deepEqual((await store.take()).events, []);
        const stored = await store.read(taken.events[0]?.id ?? "");
        assert.equal(stored.status, "failed");
        assert.equal(stored.attemptsMade, 1);
        assert.equal(stored.lastError, "unroutable");
        assert.equal(stored.lease, null);
        assert.equal(stored.completedAt, null);
      },
    },
    {
      id: `${name}.outcomes.attempts-capped`,
      title: "attempts are stored as given, but never beyond the event's maxAttempts",
      async run(harness, features) {
        const store = open(harness, features);
        await store.add(2, { maxAttempts: 3 });
        const { fence, events } = await store.take();
        const [first, second] = events.map((event) => ({
          ...refOf(event),
          attemptsMade: 9,
          startedAttempts: 0,
          error: "x",
          delayMs: null,
        }));
        assert.ok(first && second);
        assert.deepEqual((await store.record(store.repository.recordPending, fence, [first])).missing, []);
        assert.deepEqual((await store.record(store.repository.recordFailed, fence, [second])).missing, []);
        assert.equal((await store.read(first.id)).attemptsMade, 3);
        assert.equal((await store.read(second.id)).attemptsMade, 3);
      },
    },
    {
      id: `${name}.outcomes.error-text`,
      title: `an error of ${limits.lastErrorMaxBytes} bytes, with any characters, is stored whole`,
      guarantee: "G9",
      async run(harness, features) {
        const store = open(harness, features);
        await store.add(2);
        const { fence, events } = await store.take();
        const error = `"'\\ $1 {}, 漢字 👩‍👩‍👧 `.padEnd(1_000, "e").padEnd(1_400, "é");
        const whole = error + "x".repeat(limits.lastErrorMaxBytes - Buffer.byteLength(error));
        const [first, second] = events.map((event) => ({
          ...refOf(event),
          attemptsMade: 1,
          startedAttempts: 0,
          delayMs: null,
          error: whole,
        }));
        assert.ok(first && second);
        await store.record(store.repository.recordPending, fence, [first]);
        await store.record(store.repository.recordFailed, fence, [second]);
        assert.equal((await store.read(first.id)).lastError, whole);
        assert.equal((await store.read(second.id)).lastError, whole);
      },
    },
    {
      id: `${name}.outcomes.other-rows`,
      title: "an outcome changes the rows it names and no others of the same claim",
      async run(harness, features) {
        const store = open(harness, features);
        await store.add(9);
        const { fence, events } = await store.take();
        const part = (from: number) => ({ fence, events: events.slice(from, from + 3) });
        await store.complete(part(0));
        await store.release(part(3));
        const held = part(6).events;
        for (const { id } of held) assert.equal((await store.read(id)).lease?.token, fence.token);
        const again = (await store.take()).events.map(({ id }) => id);
        assert.deepEqual(
          again,
          part(3).events.map(({ id }) => id),
        );
      },
    },
  ];
}
