import assert from "node:assert/strict";
import { type InboxTransaction, isOmniBoxError, PermanentError } from "@omni-box/core";
import type { InboxRepositoryCase } from "./inbox-repository-case.js";
import type { InboxRepositoryHarness } from "./inbox-repository-harness.js";
import { kindsOf, openInbox } from "./inbox-scenario.js";
import { anotherDelivery, sampleMessage, sampleMessages } from "./sample-message.js";

/** That a handler's writes and the rows of its messages commit together or not at all. */
export const transactionCases: readonly InboxRepositoryCase[] = [
  {
    id: "inbox.transaction.commits",
    title: "rows and effects are there once the transaction has resolved, with what the work resolved with",
    guarantee: "G3",
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      const drafts = sampleMessages(3);
      const result = await inbox.transaction(async (tx) => {
        const answers = await tx.insertCompleted(drafts, { behindPending: "insert" });
        for (const { messageId } of drafts) await harness.writeEffect(tx.client, messageId);
        return { kinds: kindsOf(answers) };
      });
      assert.deepEqual(result, { kinds: ["stored", "stored", "stored"] });
      for (const { id, messageId } of drafts) {
        const { status, completedAt, lease } = await inbox.read(id);
        assert.deepEqual([status, lease], ["completed", null]);
        assert.ok(completedAt instanceof Date, "completedAt is not set");
        assert.equal(await harness.countEffects(messageId), 1);
      }
      await harness.advanceTime(86_400_000);
      assert.deepEqual((await inbox.take()).events, [], "a completed message was taken");
    },
  },
  {
    id: "inbox.transaction.rolls-back",
    title: "what the work rejects with comes back unchanged, and neither row nor effect remains",
    guarantee: "G3",
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      const own = Object.assign(new Error("the handler failed"), { code: "P2002", clientVersion: "0" });
      for (const failure of [own, new PermanentError("never"), "a mere text", undefined]) {
        const draft = sampleMessage();
        const attempt = inbox.transaction(async (tx) => {
          await tx.insertCompleted([draft], { behindPending: "insert" });
          await harness.writeEffect(tx.client, draft.messageId);
          throw failure;
        });
        const outcome = await attempt.then(
          () => assert.fail("it resolved"),
          (error: unknown) => ({ error }),
        );
        assert.equal(outcome.error, failure, "another error came back");
        assert.equal(await inbox.repository.findById(draft.id), null, "the row remained");
        assert.equal(await harness.countEffects(draft.messageId), 0, "the effect remained");
        assert.deepEqual(kindsOf(await inbox.handle([anotherDelivery(draft)])), ["stored"]);
      }
    },
  },
  {
    id: "inbox.transaction.without-rows",
    title: "a transaction that stores no message commits its effects all the same",
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      await inbox.transaction((tx) => harness.writeEffect(tx.client, "alone"));
      assert.equal(await harness.countEffects("alone"), 1);
    },
  },
  {
    id: "inbox.transaction.invisible-before-commit",
    title: "nobody sees row or effect before the commit",
    guarantee: "G3",
    requires: ["concurrentTransactions"],
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      const draft = sampleMessage();
      await inbox.transaction(async (tx) => {
        await tx.insertCompleted([draft], { behindPending: "insert" });
        await harness.writeEffect(tx.client, draft.messageId);
        assert.equal(await inbox.repository.findById(draft.id), null, "the row was seen");
        assert.equal(await harness.countEffects(draft.messageId), 0, "the effect was seen");
      });
      assert.equal(await harness.countEffects(draft.messageId), 1);
    },
  },
  swallowed("inbox.transaction.swallowed-error", "goes on", async () => undefined),
  swallowed("inbox.transaction.swallowed-writes", "tries to write more", async (harness, tx, name) => {
    await harness.writeEffect(tx.client, name).catch(() => "swallowed too");
  }),
  {
    id: "inbox.transaction.statement-error",
    title:
      "a statement's error that the work passes on comes back unchanged or as INBOX.STATEMENT_FAILED, and nothing remains",
    guarantee: "G3",
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      const draft = sampleMessage();
      let refusal: unknown = null;
      const attempt = inbox.transaction(async (tx) => {
        await tx.insertCompleted([draft], { behindPending: "insert" });
        await harness.writeEffect(tx.client, draft.messageId);
        await harness.failStatement(tx.client).catch((error: unknown) => {
          refusal = error;
          throw error;
        });
      });
      await assert.rejects(attempt, (error) => error === refusal || isOmniBoxError(error, "INBOX.STATEMENT_FAILED"));
      assert.ok(refusal !== null, "the statement of failStatement did not fail");
      assert.equal(await inbox.repository.findById(draft.id), null);
      assert.equal(await harness.countEffects(draft.messageId), 0);
    },
  },
];

function swallowed(
  id: string,
  what: string,
  then: (harness: InboxRepositoryHarness<unknown>, tx: InboxTransaction<unknown>, name: string) => Promise<void>,
): InboxRepositoryCase {
  return {
    id,
    title: `a handler that swallows the error of a statement and ${what} gets INBOX.TRANSACTION_ABORTED, and nothing remains`,
    guarantee: "G3",
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      const draft = sampleMessage();
      const attempt = inbox.transaction(async (tx) => {
        await tx.insertCompleted([draft], { behindPending: "insert" });
        await harness.writeEffect(tx.client, draft.messageId);
        await assert.rejects(harness.failStatement(tx.client), "the statement of failStatement did not fail");
        await then(harness, tx, draft.messageId);
      });
      await assert.rejects(attempt, (error) => isOmniBoxError(error, "INBOX.TRANSACTION_ABORTED"));
      assert.equal(await inbox.repository.findById(draft.id), null, "the row remained");
      assert.equal(await harness.countEffects(draft.messageId), 0, "the effect remained");
      assert.deepEqual(kindsOf(await inbox.handle([anotherDelivery(draft)])), ["stored"]);
      assert.equal(await harness.countEffects(draft.messageId), 1);
    },
  };
}
