import assert from "node:assert/strict";
import type { InboxEventDraft } from "@omni-box/core";
import type { InboxRepositoryCase } from "./inbox-repository-case.js";
import { kindsOf, openInbox } from "./inbox-scenario.js";
import { anotherDelivery, rowOf, sampleMessage } from "./sample-message.js";

const inOrder = { behindPending: "leave" } as const;
const ofKey = (partitionKey: string, fields: Partial<InboxEventDraft> = {}) =>
  sampleMessage({ partitionKey, ...fields });

/** That a message does not overtake an earlier one of its key. */
export const blockedCases: readonly InboxRepositoryCase[] = [
  {
    id: "inbox.blocked.left-out",
    title:
      "a message behind a pending one of its key is left out as blocked, and the transaction goes on with the others",
    guarantee: "G4",
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      await inbox.storePending([ofKey("k")]);
      const [first, behind, last] = [ofKey("a"), ofKey("k"), ofKey("b")];
      const answers = await inbox.handle([first, behind, last], inOrder);
      assert.deepEqual(kindsOf(answers), ["stored", "blocked", "stored"]);
      assert.equal(await inbox.repository.findById(behind.id), null, "a blocked message was stored");
      assert.equal(await harness.countEffects(behind.messageId), 0);
      for (const { id, messageId } of [first, last]) {
        assert.equal((await inbox.read(id)).status, "completed");
        assert.equal(await harness.countEffects(messageId), 1);
      }
    },
  },
  {
    id: "inbox.blocked.by-every-pending",
    title: "a pending event blocks its key whether it is due, backing off or being worked on",
    guarantee: "G4",
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      await inbox.storePending([ofKey("leased")]);
      await inbox.take();
      await inbox.repository.store([rowOf(ofKey("due")), rowOf(ofKey("backing-off"), { delayMs: 600_000 })]);
      const behind = ["leased", "due", "backing-off"].map((key) => ofKey(key));
      assert.deepEqual(kindsOf(await inbox.handle(behind, inOrder)), ["blocked", "blocked", "blocked"]);
    },
  },
  {
    id: "inbox.blocked.not-by-finished",
    title: "completed and failed events, other groups and other keys block nothing",
    guarantee: "G8",
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      await inbox.repository.store([
        rowOf(ofKey("done"), { status: "completed" }),
        rowOf(ofKey("failed"), { status: "failed", attemptsMade: 1, error: "given up" }),
        rowOf(ofKey("elsewhere", { consumerGroup: "billing" })),
        rowOf(ofKey("other")),
      ]);
      const free = ["done", "failed", "elsewhere", "new"].map((key) => ofKey(key));
      assert.deepEqual(kindsOf(await inbox.handle(free, inOrder)), ["stored", "stored", "stored", "stored"]);
    },
  },
  {
    id: "inbox.blocked.until-completed",
    title: "a key is free again once its pending event is completed",
    guarantee: "G4",
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      await inbox.storePending([ofKey("k")]);
      const behind = ofKey("k");
      assert.deepEqual(kindsOf(await inbox.handle([behind], inOrder)), ["blocked"]);
      const { fence, events } = await inbox.take();
      for (const event of events) assert.equal(await inbox.process(event, fence), true);
      assert.deepEqual(kindsOf(await inbox.handle([behind], inOrder)), ["stored"]);
      assert.equal(await harness.countEffects(behind.messageId), 1);
    },
  },
  {
    id: "inbox.blocked.duplicates",
    title: "a message that is stored already is a duplicate, not blocked, also when it is the pending one itself",
    guarantee: "G3",
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      const [done, pending] = [ofKey("k"), ofKey("k")];
      await inbox.handle([done], inOrder);
      await inbox.storePending([pending]);
      const again = [done, pending].map((draft) => anotherDelivery(draft));
      assert.deepEqual(await inbox.handle(again, inOrder), [
        { kind: "duplicate", id: done.id, status: "completed" },
        { kind: "duplicate", id: pending.id, status: "pending" },
      ]);
    },
  },
  {
    id: "inbox.blocked.same-call",
    title: "messages of one key in one call do not block each other",
    guarantee: "G4",
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      const drafts = [ofKey("k"), ofKey("k"), ofKey("k")];
      const answers = await inbox.handle(drafts, inOrder);
      assert.deepEqual(kindsOf(answers), ["stored", "stored", "stored"]);
    },
  },
  {
    id: "inbox.blocked.only-when-asked",
    title: 'with behindPending "insert" nothing is blocked',
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      await inbox.storePending([ofKey("k")]);
      assert.deepEqual(kindsOf(await inbox.handle([ofKey("k")], { behindPending: "insert" })), ["stored"]);
    },
  },
];
