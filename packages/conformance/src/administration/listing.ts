import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { TimedHarness } from "../repository/repository-subject.js";
import { type AdministrationStory, firstOf, refsOf } from "./administration-scenario.js";

/** People look at events. */
export const listStories: readonly AdministrationStory<TimedHarness>[] = [
  {
    name: "list-pages",
    title: "a list goes through the events in either order, page by page",
    async run({ administration, add }) {
      const added = await add(5);
      const pages = async (order: "oldest" | "newest") => {
        const seen = [];
        let after: bigint | undefined;
        for (let count = 0; count < added.length; count += 1) {
          const page = await administration.list({
            filter: {},
            limit: 2,
            order,
            ...(after !== undefined && { after }),
          });
          if (page.length === 0) return seen;
          assert.ok(page.length <= 2, "a page is longer than its limit");
          seen.push(...page.map(({ event }) => event));
          after = seen.at(-1)?.seq;
        }
        return assert.fail("there is always another page");
      };
      assert.deepEqual(refsOf(await pages("oldest")), added);
      assert.deepEqual(refsOf(await pages("newest")), [...added].reverse());
      assert.deepEqual(refsOf((await administration.list({ filter: {}, limit: 1 })).map(({ event }) => event)), [
        firstOf(added),
      ]);
    },
  },
  {
    name: "list-content",
    title: "an event is listed with all that it holds, when it failed, and whether it was a dead letter",
    async run({ administration, addKeys, failEach, repository }) {
      const [pending, failed] = await addKeys(["a", "b"]);
      assert.ok(pending && failed);
      await failEach([failed], "no route");
      const listed = await administration.list({ filter: {}, limit: 10 });
      assert.deepEqual(
        listed.map(({ event }) => event),
        [await repository.findById(pending.id), await repository.findById(failed.id)],
      );
      const [first, second] = listed;
      assert.deepEqual([first?.failedAt, first?.deadLetteredAt, first?.history], [null, null, []]);
      assert.ok(second?.failedAt instanceof Date, "failedAt is not set");
      assert.equal(second.deadLetteredAt, null);
      assert.deepEqual(await administration.find(failed.id), second);
    },
  },
  {
    name: "find-nothing",
    title: "an id that no event has, or that is none, finds nothing",
    async run({ administration, add }) {
      await add(1);
      for (const id of [randomUUID(), "", "42", "'"]) assert.equal(await administration.find(id), null);
    },
  },
];
