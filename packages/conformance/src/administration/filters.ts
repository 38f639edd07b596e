import assert from "node:assert/strict";
import type { EventFilter } from "@omni-box/core";
import type { TimedHarness } from "../repository/repository-subject.js";
import { outcomeOf } from "../settlement.js";
import { type AdministrationStory, idsOf, refsOf } from "./administration-scenario.js";

/** Which events an operation is about. */
export const filterStories: readonly AdministrationStory<TimedHarness>[] = [
  {
    name: "filters",
    title: "each field of a filter narrows it, values of one field are alternatives, and an empty list matches nothing",
    async run({ administration, addKeys, failEach }) {
      const [a] = await addKeys(["a"], { topic: "orders", type: "order.placed" });
      const [b] = await addKeys(["b"], { topic: "orders", type: "order.paid" });
      const [c] = await addKeys(["c"], { topic: "bills", type: "order.paid" });
      assert.ok(a && b && c);
      await failEach([b]);
      const expected: readonly (readonly [EventFilter, readonly unknown[]])[] = [
        [{}, [a, b, c]],
        [{ topics: ["orders"] }, [a, b]],
        [{ topics: ["bills", "orders"] }, [a, b, c]],
        [{ topics: ["orders"], types: ["order.paid"] }, [b]],
        [{ ids: [c.id, a.id, "no uuid"] }, [a, c]],
        [{ partitionKeys: ["c", "b", "unknown"] }, [b, c]],
        [{ statuses: ["failed"] }, [b]],
        [{ statuses: ["pending", "failed"] }, [a, b, c]],
        [{ statuses: ["completed"] }, []],
        [{ errorContains: "refused" }, [b]],
        [{ topics: [] }, []],
        [{ types: [] }, []],
        [{ ids: [] }, []],
        [{ partitionKeys: [] }, []],
        [{ statuses: [] }, []],
      ];
      for (const [filter, matching] of expected) {
        const listed = await administration.list({ filter, limit: 10 });
        assert.deepEqual(refsOf(listed.map(({ event }) => event)), matching, JSON.stringify(filter));
      }
    },
  },
  {
    name: "filters-time",
    title: "a filter takes events that were inserted from one time on and before another",
    async run({ administration, addKeys }, harness) {
      const [old] = await addKeys(["old"]);
      await harness.advanceTime(60_000);
      const [young] = await addKeys(["young"]);
      assert.ok(old && young);
      const stored = await administration.find(young.id);
      const since = stored?.event.createdAt ?? assert.fail("it was added");
      const listed = async (filter: EventFilter) =>
        refsOf((await administration.list({ filter, limit: 10 })).map(({ event }) => event));
      assert.deepEqual(await listed({ createdFrom: since }), [young]);
      assert.deepEqual(await listed({ createdBefore: since }), [old]);
      assert.deepEqual(await listed({ createdFrom: since, createdBefore: since }), []);
    },
  },
  {
    name: "filters-error",
    title: "the text of an error is looked for literally, in capital letters or not",
    async run({ administration, addFailed }) {
      const [percent] = await addFailed(["a"], "at 100% of C:\\temp_dir");
      const [other] = await addFailed(["b"], "at 100 percent of C:/tempXdir");
      assert.ok(percent && other);
      for (const [text, expected] of [
        ["100%", [percent]],
        ["temp_dir", [percent]],
        ["C:\\", [percent]],
        ["AT 100", [percent, other]],
        ["%", [percent]],
        ["'; --", []],
      ] as const) {
        const listed = await administration.list({ filter: { errorContains: text }, limit: 10 });
        assert.deepEqual(refsOf(listed.map(({ event }) => event)), expected, text);
      }
    },
  },
  {
    name: "filters-changes",
    title: "a change is about the events that its filter matches, and no others",
    async run({ administration, addFailed }) {
      const [a, b, c] = await addFailed(["a", "b", "c"]);
      assert.ok(a && b && c);
      const changed = async (method: "requeue" | "skip" | "purge", partitionKey: string) =>
        (await administration[method]({ filter: { partitionKeys: [partitionKey] }, limit: 10 })).changed;
      assert.deepEqual(await changed("requeue", "b"), [b]);
      assert.deepEqual(await changed("skip", "a"), [a]);
      assert.deepEqual(await changed("purge", "c"), [c]);
      const left = await administration.list({ filter: {}, limit: 10 });
      assert.deepEqual(
        left.map(({ event: { status } }) => status),
        ["completed", "pending"],
      );
    },
  },
  {
    name: "limits",
    title: "what breaks a limit is refused, and nothing happens",
    async run({ administration, addFailed }) {
      const failed = await addFailed(["a"]);
      const filter = { ids: idsOf(failed) };
      const broken = [
        () => administration.list({ filter, limit: 0 }),
        () => administration.list({ filter, limit: 1_001 }),
        () => administration.list({ filter: { errorContains: "" }, limit: 1 }),
        () => administration.requeue({ filter, limit: 10_001 }),
        () => administration.requeue({ filter, limit: 1, reason: "r".repeat(301) }),
        () => administration.skip({ filter: { createdFrom: new Date(Number.NaN) }, limit: 1 }),
        () => administration.purge({ filter, limit: 0.5 }),
        () => administration.blockedKeys({ limit: 0 }),
        () => administration.statistics({ countLimit: 0 }),
        () => administration.removeOld({ status: "failed", olderThanMs: -1, limit: 1 }),
        () => administration.releaseExpiredLeases({ limit: 0 }),
        () => administration.takeDeadLetters({ limit: 1, leaseMs: 0 }),
      ];
      for (const [index, call] of broken.entries()) {
        assert.equal(await outcomeOf(call()), "CONFIG.INVALID_OPTIONS", `call ${index}`);
      }
      assert.equal((await administration.list({ filter: { statuses: ["failed"] }, limit: 10 })).length, 1);
    },
  },
];
