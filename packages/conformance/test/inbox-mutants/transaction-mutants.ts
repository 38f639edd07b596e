import { setTimeout as pause } from "node:timers/promises";
import { isOmniBoxError, OmniBoxError, type StoredMessage } from "@omni-box/core";
import { type InboxMutant, inTransaction, storedEvent, transactionAs } from "./inbox-mutant.js";

/** Faults of the transaction that a handler runs in. */
export const transactionMutants: readonly InboxMutant[] = [
  {
    fault: "rows are inserted outside the transaction",
    killedBy: "inbox.transaction.rolls-back",
    wrap: inTransaction((_tx, base) => ({
      insertCompleted: (drafts) =>
        base.store(
          drafts.map((draft) => ({
            draft,
            status: "completed",
            attemptsMade: 0,
            startedAttempts: 0,
            delayMs: null,
            error: null,
          })),
        ),
    })),
  },
  {
    fault: "a transaction commits although its work was rejected",
    killedBy: "inbox.transaction.rolls-back",
    wrap: transactionAs((base) => async (work, options) => {
      const outcome = await base.transaction(
        (tx) =>
          work(tx).then(
            (result) => ({ result }),
            (error: unknown) => ({ error }),
          ),
        options,
      );
      if ("error" in outcome) throw outcome.error;
      return outcome.result;
    }),
  },
  {
    fault: "what the work rejects with is wrapped",
    killedBy: "inbox.transaction.rolls-back",
    wrap: transactionAs(
      (base) => (work, options) =>
        base.transaction(work, options).catch((cause: unknown) => {
          throw new OmniBoxError("STORE.TRANSACTION_FAILED", "rolled back", { cause });
        }),
    ),
  },
  {
    fault: "no statement of its own proves the transaction sound at the end",
    killedBy: "inbox.transaction.swallowed-error",
    wrap: transactionAs((base) => withoutSentinel(base.transaction)),
  },
  {
    fault: "a failed statement is noticed only at once, not when more is written",
    killedBy: "inbox.transaction.swallowed-writes",
    wrap: transactionAs((base) => withoutSentinel(base.transaction)),
  },
  {
    fault: "complete proves nothing about earlier statements",
    killedBy: "inbox.complete.swallowed-error",
    wrap: transactionAs((base) => withoutSentinel(base.transaction)),
  },
  {
    fault: "a transaction may take as long as it likes",
    killedBy: "inbox.transaction.time-out",
    wrap: transactionAs((base) => (work) => base.transaction(work, { timeoutMs: 60_000 })),
  },
  {
    fault: "a time-out of the handler looks like one of the database",
    killedBy: "inbox.transaction.time-out",
    wrap: transactionAs(
      (base) => (work, options) =>
        base.transaction(work, options).catch((error: unknown) => {
          throw isOmniBoxError(error, "INBOX.HANDLER_TIMEOUT") ? new OmniBoxError("STORE.TIMEOUT", "slow") : error;
        }),
    ),
  },
  {
    fault: "a transaction that ran out of time is only given up on, not rolled back",
    killedBy: "inbox.transaction.time-out-frees",
    wrap: transactionAs((base) => (work, { timeoutMs }) => {
      const running = base.transaction(work, { timeoutMs: 60_000 });
      const tooLate = pause(timeoutMs).then(() => {
        throw new OmniBoxError("INBOX.HANDLER_TIMEOUT", "given up");
      });
      return Promise.race([running, tooLate]);
    }),
  },
  {
    fault: "a duplicate aborts the transaction",
    killedBy: "inbox.duplicates.insert.no-effect",
    wrap: inTransaction((tx) => ({
      async insertCompleted(drafts, options) {
        const answers = await tx.insertCompleted(drafts, options);
        if (answers.some(({ kind }) => kind === "duplicate")) await tx.client.fail().catch(() => undefined);
        return answers;
      },
    })),
  },
  {
    fault: "a message that another transaction is inserting is called a duplicate at once",
    killedBy: "inbox.parallel.first-rolls-back",
    wrap: answeringWhileHeld((id) => ({ kind: "duplicate", id, status: "completed" })),
  },
  {
    fault: "a message that another transaction is inserting is handled a second time",
    killedBy: "inbox.parallel.one-effect",
    wrap: answeringWhileHeld((id) => ({ kind: "stored", id })),
  },
  {
    fault: "waiting too long for another transaction is a failure of the handler",
    killedBy: "inbox.parallel.held-too-long",
    wrap: transactionAs(
      (base) => (work, options) =>
        base.transaction(work, options).catch((error: unknown) => {
          throw isOmniBoxError(error, "INBOX.HANDLER_TIMEOUT") ? new Error("lock timeout") : error;
        }),
    ),
  },
  {
    fault: "messages are inserted one by one, and a deadlock is a failure of the handler",
    killedBy: "inbox.parallel.opposite-order",
    wrap: inTransaction((tx) => ({
      async insertCompleted(drafts, options) {
        const answers: StoredMessage[] = [];
        for (const draft of drafts) {
          const inserted = tx.insertCompleted([draft], options).catch(() => Promise.reject(new Error("deadlock")));
          answers.push(...(await inserted));
        }
        return answers;
      },
    })),
  },
  {
    fault: "only what was committed before counts as a duplicate",
    killedBy: "inbox.duplicates.insert.in-one-call",
    wrap: inTransaction((tx, base) => ({
      async insertCompleted(drafts, options) {
        const known = drafts.map((draft) => storedEvent(base, draft));
        const answers = await tx.insertCompleted(drafts, options);
        return answers.map((answer, index) =>
          known[index] === undefined ? { kind: "stored", id: drafts[index]?.id ?? "" } : answer,
        );
      },
    })),
  },
];

type Transaction = ReturnType<InboxMutant["wrap"]>["transaction"];

/** Reports success where the database has rolled back. */
function withoutSentinel(transaction: Transaction): Transaction {
  return (work, options) => {
    let result: Awaited<ReturnType<typeof work>>;
    return transaction(async (tx) => {
      result = await work({ ...tx, complete: (fence, row) => tx.complete(fence, row).catch(() => true) });
      return result;
    }, options).catch((error: unknown) => {
      if (isOmniBoxError(error, "INBOX.TRANSACTION_ABORTED")) return result;
      throw error;
    });
  };
}

/** Answers for messages that another open transaction inserts, instead of waiting. */
function answeringWhileHeld(answer: (id: string) => StoredMessage): InboxMutant["wrap"] {
  return (base) => {
    const held = new Set<string>();
    return {
      ...base,
      async transaction(work, options) {
        let mine = "";
        try {
          return await base.transaction(
            (tx) =>
              work({
                ...tx,
                async insertCompleted(drafts, insertOptions) {
                  const [draft] = drafts;
                  if (draft !== undefined && held.has(draft.messageId)) return [answer(draft.id)];
                  mine = draft?.messageId ?? "";
                  held.add(mine);
                  return tx.insertCompleted(drafts, insertOptions);
                },
              }),
            options,
          );
        } finally {
          held.delete(mine);
        }
      },
    };
  };
}
