import assert from "node:assert/strict";
import type { TimedHarness } from "../repository/repository-subject.js";
import { type AdministrationStory, firstOf, idsOf, refsOf } from "./administration-scenario.js";

/** Failed events are given up, or removed. */
export const skipAndPurgeStories: readonly AdministrationStory<TimedHarness>[] = [
  {
    name: "skip",
    title: "a skipped event is completed, is kept, and is never taken again",
    async run({ administration, addFailed, read, take }, harness) {
      const failed = await addFailed(["a"]);
      const { id } = firstOf(failed);
      const report = await administration.skip({ filter: { ids: [id] }, limit: 10 });
      assert.deepEqual(report, { changed: failed, refused: [], missingIds: [], more: false });
      await harness.advanceTime(86_400_000);
      const { status, completedAt, lease, nextAttemptAt } = await read(id);
      assert.deepEqual([status, lease, nextAttemptAt], ["completed", null, null]);
      assert.ok(completedAt instanceof Date, "completedAt is not set");
      assert.deepEqual((await take()).events, []);
      assert.equal((await administration.find(id))?.failedAt, null);
      assert.deepEqual(await administration.takeDeadLetters({ limit: 10, leaseMs: 60_000 }), []);
    },
  },
  {
    name: "skip-refused",
    title: "only failed events can be skipped",
    async run({ administration, addKeys, failEach }) {
      const [pending, completed] = await addKeys(["a", "b"]);
      assert.ok(pending && completed);
      await failEach([completed]);
      const filter = { ids: idsOf([pending, completed]) };
      await administration.skip({ filter, limit: 10 });
      const report = await administration.skip({ filter, limit: 10 });
      assert.deepEqual(report.changed, []);
      assert.deepEqual(
        report.refused.map(({ status }) => status),
        ["pending", "completed"],
      );
    },
  },
  {
    name: "purge",
    title: "failed and completed events can be purged, pending ones cannot",
    async run({ administration, addKeys, failEach, repository, take }) {
      const refs = await addKeys(["a", "b", "c"]);
      const [pending, completed, failed] = refs;
      assert.ok(pending && completed && failed);
      await failEach([completed, failed]);
      await administration.skip({ filter: { ids: [completed.id] }, limit: 10 });
      assert.deepEqual(await administration.purge({ filter: { ids: idsOf(refs) }, limit: 10 }), {
        changed: [completed, failed],
        refused: [{ ...pending, status: "pending" }],
        missingIds: [],
        more: false,
      });
      assert.equal(await repository.findById(completed.id), null);
      assert.equal(await administration.find(failed.id), null);
      assert.deepEqual(refsOf((await take()).events), [pending]);
      const again = await administration.purge({ filter: { ids: idsOf(refs) }, limit: 10 });
      assert.deepEqual(again.missingIds, [completed.id, failed.id]);
    },
  },
];
