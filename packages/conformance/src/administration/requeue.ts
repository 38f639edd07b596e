import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { TimedHarness } from "../repository/repository-subject.js";
import { type AdministrationStory, firstOf, idsOf, refsOf } from "./administration-scenario.js";

/** Failed events get another chance. */
export const requeueStories: readonly AdministrationStory<TimedHarness>[] = [
  {
    name: "requeue",
    title:
      "a requeued event is pending, due at once, has made no attempts, and comes before the later events of its key",
    guarantee: "G4",
    async run({ administration, addKeys, failEach, read, take }) {
      const [first, second, other] = await addKeys(["key", "key", "other"], { maxAttempts: 3 });
      assert.ok(first && second && other);
      await failEach([first]);
      const report = await administration.requeue({ filter: { ids: [first.id] }, limit: 10 });
      assert.deepEqual(report, { changed: [first], refused: [], missingIds: [], more: false });
      const stored = await read(first.id);
      assert.deepEqual(
        [stored.status, stored.attemptsMade, stored.startedAttempts, stored.nextAttemptAt, stored.lease],
        ["pending", 0, 0, null, null],
      );
      assert.equal(stored.seq, first.seq, "the seq was changed");
      assert.deepEqual(refsOf((await take()).events), [first, second, other]);
    },
  },
  {
    name: "requeue-refused",
    title: "what is not failed, or not there, is told apart and left alone",
    async run({ administration, addKeys, failEach, read }) {
      const [pending, completed, failed] = await addKeys(["a", "b", "c"]);
      assert.ok(pending && completed && failed);
      await failEach([completed, failed]);
      await administration.skip({ filter: { ids: [completed.id] }, limit: 10 });
      const unknown = randomUUID();
      const ids = [unknown, failed.id, completed.id, "no uuid", pending.id];
      const before = [await read(pending.id), await read(completed.id)];
      assert.deepEqual(await administration.requeue({ filter: { ids }, limit: 10 }), {
        changed: [failed],
        refused: [
          { ...pending, status: "pending" },
          { ...completed, status: "completed" },
        ],
        missingIds: [unknown, "no uuid"],
        more: false,
      });
      assert.deepEqual([await read(pending.id), await read(completed.id)], before);
    },
  },
  {
    name: "requeue-upper-case",
    title: "an id is the same in capital letters",
    async run({ administration, addFailed }) {
      const [failed] = await addFailed(["a"]);
      assert.ok(failed);
      const report = await administration.requeue({ filter: { ids: [failed.id.toUpperCase()] }, limit: 1 });
      assert.deepEqual(report, { changed: [failed], refused: [], missingIds: [], more: false });
    },
  },
  {
    name: "requeue-limit",
    title: "a change takes no more than its limit, the lowest seq first, and goes on where it is called again",
    async run({ administration, add, addFailed }) {
      // Of earlier events that are not failed it takes no notice.
      await add(3);
      const failed = await addFailed(["a", "b", "c", "d", "e"]);
      const request = { filter: { topics: ["orders"] }, limit: 2 };
      for (const expected of [failed.slice(0, 2), failed.slice(2, 4), failed.slice(4), []]) {
        assert.deepEqual(await administration.requeue(request), {
          changed: expected,
          refused: [],
          missingIds: [],
          more: expected.length === 2,
        });
      }
    },
  },
  {
    name: "requeue-exact-limit",
    title: "there are no more when the limit was just enough",
    async run({ administration, addFailed }) {
      await addFailed(["a", "b"]);
      assert.equal((await administration.requeue({ filter: {}, limit: 2 })).more, false);
    },
  },
  {
    name: "dry-run",
    title: "a dry run reports what would be changed, and changes nothing",
    async run({ administration, add, addFailed }) {
      const [pending] = await add(1);
      const failed = await addFailed(["a", "b", "c"]);
      assert.ok(pending);
      const before = await administration.list({ filter: {}, limit: 10 });
      const ids = [...idsOf(failed), pending.id, "none"];
      const request = { filter: { ids }, limit: 2, reason: "try", dryRun: true };
      for (const method of ["requeue", "skip", "purge"] as const) {
        assert.deepEqual(await administration[method](request), {
          changed: failed.slice(0, 2),
          refused: [{ ...pending, status: "pending" }],
          missingIds: ["none"],
          more: true,
        });
      }
      assert.deepEqual(await administration.list({ filter: {}, limit: 10 }), before);
    },
  },
  {
    name: "requeue-parallel",
    title: "of people who requeue the same events at once each event is changed by one",
    guarantee: "G4",
    async run({ administration, addFailed }, harness) {
      const failed = await addFailed(Array.from({ length: 20 }, (_, index) => `key-${index}`));
      const people = [administration, ...Array.from({ length: 3 }, () => harness.createAdministration?.())];
      const reports = await Promise.all(people.map((each) => each?.requeue({ filter: {}, limit: 1_000 })));
      const rest = await administration.requeue({ filter: {}, limit: 1_000 });
      const changed = [...reports, rest].flatMap((report) => report?.changed ?? []);
      assert.deepEqual(idsOf(changed).sort(), idsOf(failed).sort());
      for (const { id } of failed) {
        const requeued = (await administration.find(id))?.history.filter(({ what }) => what === "requeued");
        assert.equal(requeued?.length, 1, "an event was requeued more than once");
      }
    },
  },
  {
    name: "requeue-fails-again",
    title: "a requeued event can fail again, from its first attempt",
    async run({ administration, addFailed, failEach, read }) {
      const failed = await addFailed(["a"]);
      const [{ id }] = [firstOf(failed)];
      await administration.requeue({ filter: {}, limit: 10 });
      await failEach(failed, "again");
      const { status, attemptsMade, lastError } = await read(id);
      assert.deepEqual([status, attemptsMade, lastError], ["failed", 1, "again"]);
    },
  },
];
