import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import { isOmniBoxError } from "@omni-box/core";
import { caseLeaseMs, refOf } from "../repository/event-scenario.js";
import type { InboxRepositoryCase } from "./inbox-repository-case.js";
import { openInbox, repeatConflicts } from "./inbox-scenario.js";
import { rowOf, sampleMessage, sampleMessages } from "./sample-message.js";

/** Completing a leased row in the transaction of its effects. */
export const completeCases: readonly InboxRepositoryCase[] = [
  {
    id: "inbox.complete.with-effects",
    title: "a completed row commits with its effects, keeps its history and is never taken again",
    guarantee: "G3",
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      const draft = sampleMessage();
      await inbox.repository.store([
        rowOf(draft, { attemptsMade: 2, startedAttempts: 1, error: "the second attempt" }),
      ]);
      const { fence, events } = await inbox.take();
      const [event] = events;
      assert.ok(event);
      assert.equal(await inbox.process(event, fence), true);
      const { status, completedAt, lease, attemptsMade, startedAttempts, lastError } = await inbox.read(draft.id);
      assert.deepEqual([status, lease, attemptsMade, lastError], ["completed", null, 2, "the second attempt"]);
      assert.equal(startedAttempts, 0, "startedAttempts was not reset");
      assert.ok(completedAt instanceof Date, "completedAt is not set");
      assert.equal(await harness.countEffects(draft.messageId), 1);
      await harness.advanceTime(86_400_000);
      assert.deepEqual((await inbox.take()).events, []);
      assert.equal(await inbox.process(event, fence), false, "completed twice");
      assert.equal(await harness.countEffects(draft.messageId), 1);
    },
  },
  {
    id: "inbox.complete.rolled-back",
    title:
      "when the transaction rolls back after complete, the row stays pending under its lease and no effect remains",
    guarantee: "G3",
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      await inbox.storePending([sampleMessage()]);
      const { fence, events } = await inbox.take();
      const [event] = events;
      assert.ok(event);
      const changedMind = new Error("changed its mind");
      const attempt = inbox.transaction(async (tx) => {
        await harness.writeEffect(tx.client, event.messageId);
        assert.equal(await tx.complete(fence, refOf(event)), true);
        throw changedMind;
      });
      await assert.rejects(attempt, (error) => error === changedMind);
      assert.deepEqual(await inbox.read(event.id), event);
      assert.equal(await harness.countEffects(event.messageId), 0);
      assert.equal(await inbox.process(event, fence), true, "the lease is gone");
    },
  },
  {
    id: "inbox.complete.lost-lease",
    title: "under a lost lease complete answers false, and the row stays the new holder's",
    guarantee: "G5",
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      await inbox.storePending([sampleMessage()]);
      const lost = await inbox.take();
      await harness.advanceTime(caseLeaseMs + 1_000);
      const successor = await openInbox(harness, features).take();
      const [event] = successor.events;
      assert.ok(event && lost.events[0]);
      assert.equal(await inbox.process(lost.events[0], lost.fence), false);
      assert.deepEqual(await inbox.read(event.id), event);
      assert.equal(await harness.countEffects(event.messageId), 0);
      assert.equal(await inbox.process(event, successor.fence), true);
      assert.equal(await harness.countEffects(event.messageId), 1);
    },
  },
  {
    id: "inbox.complete.expired-but-held",
    title: "under an expired lease that nobody took over complete answers true",
    guarantee: "G2",
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      await inbox.storePending([sampleMessage()]);
      const { fence, events } = await inbox.take();
      await harness.advanceTime(caseLeaseMs * 2);
      for (const event of events) assert.equal(await inbox.process(event, fence), true);
      assert.deepEqual((await inbox.take()).events, []);
    },
  },
  {
    id: "inbox.complete.never-held",
    title: "a row that is free, finished or unknown is not completed",
    guarantee: "G5",
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      const [free, failed] = [sampleMessage(), sampleMessage()];
      await inbox.repository.store([rowOf(free), rowOf(failed, { status: "failed", attemptsMade: 1, error: "final" })]);
      const before = [await inbox.read(free.id), await inbox.read(failed.id)];
      const unknown = { id: randomUUID(), seq: (before[0]?.seq ?? 0n) + 1_000_000n };
      for (const row of [...before.map(refOf), unknown]) {
        const completing = inbox.transaction((tx) => tx.complete({ kind: "lease", token: randomUUID() }, row));
        assert.equal(await completing, false);
      }
      assert.deepEqual([await inbox.read(free.id), await inbox.read(failed.id)], before);
    },
  },
  {
    id: "inbox.complete.swallowed-error",
    title:
      "after a swallowed error of a statement complete does not pass: INBOX.TRANSACTION_ABORTED, and the row stays pending",
    guarantee: "G3",
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      await inbox.storePending([sampleMessage()]);
      const { fence, events } = await inbox.take();
      const [event] = events;
      assert.ok(event);
      const attempt = inbox.transaction(async (tx) => {
        await harness.writeEffect(tx.client, event.messageId);
        await assert.rejects(harness.failStatement(tx.client), "the statement of failStatement did not fail");
        await tx.complete(fence, refOf(event));
      });
      await assert.rejects(attempt, (error) => isOmniBoxError(error, "INBOX.TRANSACTION_ABORTED"));
      assert.deepEqual(await inbox.read(event.id), event);
      assert.equal(await harness.countEffects(event.messageId), 0);
    },
  },
  {
    id: "inbox.complete.race",
    title: "when the holder of an expired lease completes while another takes over, the effect is applied once",
    guarantee: "G3",
    requires: ["leasedClaim", "concurrentTransactions"],
    async run(harness, features) {
      const [slow, quick] = [openInbox(harness, features), openInbox(harness, features)];
      for (let round = 0; round < 10; round += 1) {
        const drafts = sampleMessages(4);
        await slow.storePending(drafts);
        const late = await slow.take();
        await harness.advanceTime(caseLeaseMs + 1_000);
        const takeOver = async () => {
          // In every second round the transactions are under way when the events are taken over.
          if (round % 2 === 1) await nextTurn();
          const { fence, events } = await quick.take();
          return Promise.all(events.map((event) => repeatConflicts(() => quick.process(event, fence))));
        };
        const completing = late.events.map((event) => repeatConflicts(() => slow.process(event, late.fence)));
        const [first, second] = await Promise.all([Promise.all(completing), takeOver()]);
        assert.equal([...first, ...second].filter(Boolean).length, drafts.length, "messages completed");
        for (const { id, messageId } of drafts) {
          assert.equal(await harness.countEffects(messageId), 1, `effects after round ${round}`);
          assert.equal((await slow.read(id)).status, "completed");
        }
      }
    },
  },
];
