import assert from "node:assert/strict";
import type { EventAdministration, InboxEvent } from "@omni-box/core";
import { idsOf } from "../repository/event-scenario.js";
import type { InboxRepositoryCase } from "./inbox-repository-case.js";
import type { InboxRepositoryHarness } from "./inbox-repository-harness.js";
import { openInbox } from "./inbox-scenario.js";
import { rowOf, sampleMessage } from "./sample-message.js";

const requires = ["administration"] as const;
const failed = { status: "failed", attemptsMade: 1, error: "no handler" } as const;

/** What the administration of an inbox promises beyond that of any store of events. */
export const inboxAdministrationCases: readonly InboxRepositoryCase[] = [
  {
    id: "inbox.administration.stored",
    title: "a message that is stored with a failure has it in its history, and nothing when it has none",
    requires,
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      const administration = administrationOf(harness);
      const rows = [
        rowOf(sampleMessage(), { attemptsMade: 1, error: "handler threw", delayMs: 1_000 }),
        rowOf(sampleMessage(), { ...failed, attemptsMade: 0 }),
        rowOf(sampleMessage()),
      ];
      await inbox.repository.store(rows);
      await inbox.repository.store(rows);
      await inbox.handle([sampleMessage()]);
      const listed = await administration.list({ filter: {}, limit: 10 });
      assert.deepEqual(
        listed.map(({ event: { status }, failedAt, history }) => [
          status,
          failedAt instanceof Date,
          history.map(({ what, attemptsMade, note }) => [what, attemptsMade, note]),
        ]),
        [
          ["pending", false, [["retried", 1, "handler threw"]]],
          ["failed", true, [["failed", 0, "no handler"]]],
          ["pending", false, []],
          ["completed", false, []],
        ],
      );
    },
  },
  {
    id: "inbox.administration.groups",
    title: "consumer groups are counted, listed and removed apart, although they have the same keys",
    requires,
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      const administration = administrationOf(harness);
      const drafts = ["billing", "shipping", "shipping"].map((consumerGroup) => sampleMessage({ consumerGroup }));
      await inbox.repository.store(drafts.map((draft) => rowOf(draft, failed)));
      await inbox.storePending([
        sampleMessage({ consumerGroup: "billing" }),
        sampleMessage({ consumerGroup: "shipping" }),
      ]);
      const keys = await administration.blockedKeys({ limit: 10 });
      assert.deepEqual(
        keys.map(({ partitionKey, consumerGroup, head, waiting }) => [partitionKey, consumerGroup, head.id, waiting]),
        [
          ["order-1", "billing", drafts[0]?.id, 1],
          ["order-1", "shipping", drafts[1]?.id, 1],
        ],
      );
      assert.deepEqual(await administration.blockedKeys({ limit: 10, consumerGroup: "shipping" }), keys.slice(1));
      const counts = async (consumerGroup: string) => {
        const { pending, failed, blockedKeys, oldestPendingMs } = await administration.statistics({ consumerGroup });
        return [pending, failed, blockedKeys, oldestPendingMs !== null];
      };
      assert.deepEqual(await counts("billing"), [1, 1, 1, true]);
      assert.deepEqual(await counts("shipping"), [1, 2, 1, true]);
      assert.deepEqual(await counts("unknown"), [0, 0, 0, false]);
      const { pending, blockedKeys } = await administration.statistics();
      assert.deepEqual([pending, blockedKeys], [2, 2]);
      const old = { status: "failed", olderThanMs: 0, limit: 10, consumerGroup: "shipping" } as const;
      assert.equal(await administration.removeOld(old), 2);
      const left = await administration.list({ filter: { statuses: ["failed"] }, limit: 10 });
      assert.deepEqual(idsOf(left.map(({ event }) => event)), idsOf(drafts.slice(0, 1)));
    },
  },
  {
    id: "inbox.administration.filters-of-inbox",
    title: "a filter can name a consumer group and sources; aggregate types match nothing in an inbox",
    requires,
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      const administration = administrationOf(harness);
      const [a, b] = [
        sampleMessage({ consumerGroup: "a", source: "x" }),
        sampleMessage({ consumerGroup: "b", source: "y" }),
      ];
      await inbox.storePending([a, b]);
      const listed = async (filter: object) =>
        idsOf((await administration.list({ filter, limit: 10 })).map(({ event }) => event));
      assert.deepEqual(await listed({ consumerGroup: "b" }), [b.id]);
      assert.deepEqual(await listed({ sources: ["x"] }), [a.id]);
      assert.deepEqual(await listed({ sources: ["x"], consumerGroup: "b" }), []);
      assert.deepEqual(await listed({ aggregateTypes: ["order"] }), []);
    },
  },
];

function administrationOf(harness: InboxRepositoryHarness<unknown>): EventAdministration<InboxEvent> {
  return (
    harness.createAdministration?.() ??
    assert.fail("administration is declared and the harness has no createAdministration")
  );
}
