import assert from "node:assert/strict";
import type { InboxEvent } from "@omni-box/core";
import { caseLeaseMs, idsOf, refOf } from "../repository/event-scenario.js";
import type { InboxRepositoryCase } from "./inbox-repository-case.js";
import { type InboxScenario, openInbox } from "./inbox-scenario.js";
import { rowOf, sampleMessage } from "./sample-message.js";

const requires = ["keyHeads"] as const;
const heads = { keyHeadsOnly: true } as const;
const ofKey = (partitionKey: string, consumerGroup = "shipping") => sampleMessage({ partitionKey, consumerGroup });

/** Fetching only the earliest pending event of each key. */
export const keyHeadCases: readonly InboxRepositoryCase[] = [
  {
    id: "inbox.key-heads.earliest",
    title: "only the earliest pending event of each key and group is taken, up to the limit",
    guarantee: "G4",
    requires,
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      const [a1, a2, b1, a1Billing, b2, c1] = [
        ofKey("a"),
        ofKey("a"),
        ofKey("b"),
        ofKey("a", "billing"),
        ofKey("b"),
        ofKey("c"),
      ];
      await inbox.storePending([a1, a2, b1, a1Billing, b2, c1]);
      const due = await inbox.repository.findDue({ limit: 10, ...heads });
      assert.deepEqual(idsOf(due), idsOf([a1, b1, a1Billing, c1]));
      assert.deepEqual(idsOf((await inbox.take({ limit: 3, ...heads })).events), idsOf([a1, b1, a1Billing]));
      assert.deepEqual(idsOf((await inbox.take({ limit: 3, ...heads })).events), idsOf([c1]));
      assert.deepEqual(idsOf((await inbox.take({ limit: 3, ...heads })).events), []);
    },
  },
  {
    id: "inbox.key-heads.one-group",
    title: "an earlier event of another group does not hold back the key in a claim for one group",
    guarantee: "G4",
    requires,
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      const [billing, shipping] = [ofKey("k", "billing"), ofKey("k", "shipping")];
      await inbox.storePending([billing, shipping]);
      const taken = await inbox.take({ filters: { consumerGroup: "shipping" }, ...heads });
      assert.deepEqual(idsOf(taken.events), [shipping.id]);
    },
  },
  {
    id: "inbox.key-heads.leased",
    title: "an event in work holds the later ones of its key back until it has an outcome, and no others",
    guarantee: "G4",
    requires,
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      const [first, second, other] = [ofKey("a"), ofKey("a"), ofKey("b")];
      await inbox.storePending([first, second, other]);
      const taken = await inbox.take({ limit: 1, ...heads });
      assert.deepEqual(idsOf(taken.events), [first.id]);
      assert.deepEqual(idsOf((await inbox.take(heads)).events), [other.id]);
      assert.deepEqual(idsOf(await inbox.repository.findDue({ limit: 10, ...heads })), []);
      await inbox.complete(taken);
      assert.deepEqual(idsOf((await inbox.take(heads)).events), [second.id]);
    },
  },
  {
    id: "inbox.key-heads.expired",
    title: "an event whose lease has expired is taken again before the later ones of its key",
    guarantee: "G4",
    requires,
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      const [first, second] = [ofKey("a"), ofKey("a")];
      await inbox.storePending([first, second]);
      await inbox.take(heads);
      await harness.advanceTime(caseLeaseMs + 1_000);
      assert.deepEqual(idsOf((await inbox.take(heads)).events), [first.id]);
    },
  },
  {
    id: "inbox.key-heads.backing-off",
    title: "an event that backs off holds the later ones of its key back until it is due, and no others",
    guarantee: "G4",
    requires,
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      const [first, second, other] = [ofKey("a"), ofKey("a"), ofKey("b")];
      await inbox.repository.store([rowOf(first, { delayMs: 600_000 }), rowOf(second), rowOf(other)]);
      const taken = await inbox.take(heads);
      assert.deepEqual(idsOf(taken.events), [other.id]);
      await inbox.complete(taken);
      await harness.advanceTime(601_000);
      assert.deepEqual(idsOf((await inbox.take(heads)).events), [first.id]);
    },
  },
  {
    id: "inbox.key-heads.failed",
    title: "a failed event holds nothing back",
    requires,
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      const [first, second] = [ofKey("a"), ofKey("a")];
      await inbox.storePending([first, second]);
      await inbox.fail(await inbox.take(heads), "given up");
      assert.deepEqual(idsOf((await inbox.take(heads)).events), [second.id]);
    },
  },
  {
    id: "inbox.key-heads.only-when-asked",
    title: "without keyHeadsOnly the later events of a key are taken as well",
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      const drafts = [ofKey("a"), ofKey("a"), ofKey("a")];
      await inbox.storePending(drafts);
      assert.deepEqual(idsOf((await inbox.take()).events), idsOf(drafts));
    },
  },
  {
    id: "inbox.key-heads.parallel",
    title:
      "parallel workers that take key heads never have two events of a key in hand, and complete each key in order",
    guarantee: "G4",
    requires: ["keyHeads", "leasedClaim"],
    async run(harness, features) {
      const keys = ["a", "b", "c", "d", "e"];
      const drafts = Array.from({ length: 60 }, (_, index) => ofKey(keys[(index * 7) % keys.length] ?? "a"));
      await openInbox(harness, features).storePending(drafts);
      const inHand = new Map<string, string>();
      const done: InboxEvent[] = [];
      const work = async () => {
        const inbox = openInbox(harness, features);
        for (let round = 0; done.length < drafts.length; round += 1) {
          assert.ok(round < 5_000, `${drafts.length - done.length} events could not be taken`);
          await completeHeads(inbox, inHand, done);
        }
      };
      await Promise.all([work(), work(), work(), work()]);
      for (const key of keys) {
        const ofThisKey = (events: readonly { readonly id: string; readonly partitionKey: string }[]) =>
          idsOf(events.filter(({ partitionKey }) => partitionKey === key));
        assert.deepEqual(ofThisKey(done), ofThisKey(drafts), `the order of key ${key} was changed`);
      }
    },
  },
];

async function completeHeads(inbox: InboxScenario, inHand: Map<string, string>, done: InboxEvent[]): Promise<void> {
  const { fence, events } = await inbox.take({ limit: 3, ...heads });
  for (const { id, partitionKey } of events) {
    assert.equal(inHand.get(partitionKey), undefined, `two events of key ${partitionKey} are in hand`);
    inHand.set(partitionKey, id);
  }
  for (const event of events) {
    done.push(event);
    // Another may take the key's next event as soon as the outcome is recorded.
    inHand.delete(event.partitionKey);
    const { missing } = await inbox.record(inbox.repository.recordCompleted, fence, [refOf(event)]);
    assert.deepEqual(missing, [], "an unexpired lease was lost");
  }
}
