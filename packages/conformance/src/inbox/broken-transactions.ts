import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { isOmniBoxError, type StoredMessage } from "@omni-box/core";
import { settlesWithin } from "../settlement.js";
import type { InboxRepositoryCase } from "./inbox-repository-case.js";
import { kindsOf, openInbox } from "./inbox-scenario.js";
import { anotherDelivery, sampleMessage } from "./sample-message.js";

/** Transactions that take too long, collide, or lose their connection. */
export const brokenTransactionCases: readonly InboxRepositoryCase[] = [
  {
    id: "inbox.transaction.time-out",
    title: "a transaction that outlives its time-out is rejected with INBOX.HANDLER_TIMEOUT and leaves nothing behind",
    guarantee: "G7",
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      const draft = sampleMessage();
      const attempt = inbox.repository.transaction(
        async (tx) => {
          await tx.insertCompleted([draft], { behindPending: "insert" });
          await harness.writeEffect(tx.client, draft.messageId);
          await pause(1_200);
        },
        { timeoutMs: 400 },
      );
      await assert.rejects(attempt, (error) => isOmniBoxError(error, "INBOX.HANDLER_TIMEOUT"));
      assert.equal(await inbox.repository.findById(draft.id), null, "the row remained");
      assert.equal(await harness.countEffects(draft.messageId), 0, "the effect remained");
      assert.deepEqual(kindsOf(await inbox.handle([anotherDelivery(draft)])), ["stored"]);
    },
  },
  {
    id: "inbox.transaction.time-out-frees",
    title: "a transaction that outlived its time-out frees its messages, also while its work still hangs",
    guarantee: "G7",
    requires: ["concurrentTransactions"],
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      const draft = sampleMessage();
      let inserted: () => void = () => undefined;
      let release: () => void = () => undefined;
      const holding = new Promise<void>((resolve) => {
        inserted = resolve;
      });
      const hanging = new Promise<void>((resolve) => {
        release = resolve;
      });
      const attempt = inbox.repository.transaction(
        async (tx) => {
          await tx.insertCompleted([draft], { behindPending: "insert" });
          await harness.writeEffect(tx.client, draft.messageId);
          inserted();
          await hanging;
        },
        { timeoutMs: 500 },
      );
      const rejected = assert.rejects(attempt, (error) => isOmniBoxError(error, "INBOX.HANDLER_TIMEOUT"));
      await Promise.race([holding, rejected]);
      try {
        const second = openInbox(harness, features).handle([anotherDelivery(draft)]);
        assert.deepEqual(kindsOf(await settlesWithin(second, 15_000, "a transaction")), ["stored"]);
      } finally {
        release();
      }
      await rejected;
      assert.equal(await harness.countEffects(draft.messageId), 1);
    },
  },
  {
    id: "inbox.transaction.write-conflict",
    title: "transactions whose writes deadlock end: one commits, the other gets STORE.CONFLICT and can run again",
    guarantee: "G6",
    requires: ["concurrentTransactions", "writeConflicts"],
    async run(harness, features) {
      await openInbox(harness, features).transaction(async (tx) => {
        for (const name of ["a", "b"]) await harness.writeEffect(tx.client, name);
      });
      let waiting = 2;
      let meet: () => void = () => undefined;
      const bothHoldOne = new Promise<void>((resolve) => {
        meet = () => {
          waiting -= 1;
          if (waiting <= 0) resolve();
        };
      });
      const run = (names: readonly string[]) =>
        openInbox(harness, features).transaction(async (tx) => {
          const draft = sampleMessage();
          await tx.insertCompleted([draft], { behindPending: "insert" });
          for (const [index, name] of names.entries()) {
            await harness.rewriteEffect?.(tx.client, name);
            if (index > 0) continue;
            meet();
            await bothHoldOne;
          }
          return draft.id;
        });
      const orders = [
        ["a", "b"],
        ["b", "a"],
      ];
      const results = await settlesWithin(Promise.allSettled(orders.map(run)), 20_000, "a transaction");
      const codes = results.map((result) =>
        result.status === "fulfilled"
          ? "committed"
          : isOmniBoxError(result.reason)
            ? result.reason.code
            : result.reason,
      );
      assert.deepEqual([...codes].sort(), ["STORE.CONFLICT", "committed"]);
      const loser = orders[codes.indexOf("STORE.CONFLICT")] ?? [];
      assert.equal((await openInbox(harness, features).read(await run(loser))).status, "completed");
    },
  },
  {
    id: "inbox.transaction.connection-lost",
    title:
      "a transaction whose connection is lost is rejected as transient, and running it again applies its effect once",
    guarantee: "G6",
    requires: ["connectionLoss"],
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      const draft = sampleMessage();
      const attempt = inbox.transaction(async (tx) => {
        await tx.insertCompleted([draft], { behindPending: "insert" });
        await harness.writeEffect(tx.client, draft.messageId);
        await harness.cutConnection?.(tx.client);
      });
      await assert.rejects(settlesWithin(attempt, 20_000, "a transaction"), isOutage);
      // A pool may hold connections that are as dead and that it has not noticed yet; each of them costs one attempt.
      const again = async (attemptsLeft: number): Promise<readonly StoredMessage[]> => {
        try {
          return await inbox.handle([anotherDelivery(draft)]);
        } catch (error) {
          if (!isOutage(error) || attemptsLeft === 0) throw error;
          return again(attemptsLeft - 1);
        }
      };
      assert.deepEqual(kindsOf(await again(20)), ["stored"]);
      assert.equal(await harness.countEffects(draft.messageId), 1);
    },
  },
];

function isOutage(error: unknown): boolean {
  return isOmniBoxError(error, "STORE.UNREACHABLE") || isOmniBoxError(error, "STORE.TIMEOUT");
}
