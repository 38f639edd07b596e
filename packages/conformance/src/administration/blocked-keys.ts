import assert from "node:assert/strict";
import type { TimedHarness } from "../repository/repository-subject.js";
import { type AdministrationStory, firstOf } from "./administration-scenario.js";

/** Keys that wait for people. */
export const blockedKeyStories: readonly AdministrationStory<TimedHarness>[] = [
  {
    name: "blocked-keys",
    title: "each key with failed events is listed with the earliest of them and those that wait behind it",
    async run({ administration, addKeys, failEach, read }) {
      const refs = await addKeys(["idle", "b", "a", "a", "b", "a", "idle", "a"]);
      const [, b, a, later] = refs;
      assert.ok(b && a && later);
      await failEach([later, b, a], "no route");
      const keys = await administration.blockedKeys({ limit: 10 });
      const expected = [
        ["b", b, 1],
        ["a", a, 2],
      ] as const;
      assert.deepEqual(
        keys.map(({ partitionKey, head: { id, seq }, waiting }) => [partitionKey, { id, seq }, waiting]),
        expected,
      );
      const first = firstOf(keys);
      const { bucket, type } = await read(b.id);
      assert.equal(first.bucket, bucket);
      assert.deepEqual(first.head, { ...b, type, lastError: "no route" });
      assert.deepEqual(first.since, (await administration.find(b.id))?.failedAt);
      assert.deepEqual(await administration.blockedKeys({ limit: 1 }), [first]);
    },
  },
  {
    name: "blocked-keys-released",
    title: "a key is free when its failed events have been requeued, skipped or purged, and else has the next one",
    async run({ administration, addFailed }) {
      const [a, second, b, c] = await addFailed(["a", "a", "b", "c"]);
      assert.ok(a && second && b && c);
      const heads = async () => (await administration.blockedKeys({ limit: 10 })).map(({ head }) => head.id);
      await administration.requeue({ filter: { ids: [a.id] }, limit: 1 });
      assert.deepEqual(await heads(), [second.id, b.id, c.id]);
      await administration.skip({ filter: { ids: [b.id] }, limit: 1 });
      assert.deepEqual(await heads(), [second.id, c.id]);
      await administration.purge({ filter: { ids: [c.id] }, limit: 1 });
      assert.deepEqual(await heads(), [second.id]);
    },
  },
];
