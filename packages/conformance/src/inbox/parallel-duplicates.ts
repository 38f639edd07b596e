import assert from "node:assert/strict";
import type { InboxEventDraft, StoredMessage } from "@omni-box/core";
import { isOmniBoxError } from "@omni-box/core";
import { settlesWithin } from "../settlement.js";
import type { InboxRepositoryCase } from "./inbox-repository-case.js";
import type { InboxRepositoryHarness } from "./inbox-repository-harness.js";
import { type InboxScenario, kindsOf, openInbox, repeatConflicts } from "./inbox-scenario.js";
import { anotherDelivery, rowOf, sampleMessage, sampleMessages } from "./sample-message.js";

const requires = ["concurrentTransactions"] as const;
const rolledBack = new Error("rolled back by the case");

/** The same message in several transactions at once. */
export const parallelDuplicateCases: readonly InboxRepositoryCase[] = [
  meeting("commits", "when the first commits, the second is answered that it is a duplicate", ["duplicate"]),
  meeting("rolls-back", "when the first rolls back, the second inserts the message", ["stored"]),
  {
    id: "inbox.parallel.one-effect",
    title:
      "of many transactions of one message at the same time, some of which roll back, exactly one applies its effect",
    guarantee: "G3",
    requires,
    async run(harness, features) {
      for (let round = 0; round < 12; round += 1) {
        const draft = sampleMessage();
        // In each round others roll back, and the last of them never do.
        const rollsBack = (copy: number) => copy < 6 && (round + copy) % 3 !== 0;
        const results = await Promise.allSettled(
          Array.from({ length: 8 }, (_, copy) =>
            repeatConflicts(() =>
              handleAndMaybeRollBack(harness, openInbox(harness, features), anotherDelivery(draft), rollsBack(copy)),
            ),
          ),
        );
        const failed = results.filter((result) => result.status === "rejected" && result.reason !== rolledBack);
        assert.deepEqual(failed, [], "a transaction failed over a duplicate");
        assert.equal(await harness.countEffects(draft.messageId), 1, `effects after round ${round}`);
        const kinds = results.flatMap((result) => (result.status === "fulfilled" ? kindsOf(result.value) : []));
        assert.equal(kinds.filter((kind) => kind === "stored").length, 1, "answers that the message was stored");
      }
    },
  },
  {
    id: "inbox.parallel.opposite-order",
    title: "transactions that insert the same messages in opposite orders do not wait for each other for ever",
    guarantee: "G3",
    requires,
    async run(harness, features) {
      for (let round = 0; round < 10; round += 1) {
        const drafts = sampleMessages(8);
        const orders = [drafts, [...drafts].reverse(), [...drafts.slice(4), ...drafts.slice(0, 4)]];
        const handling = orders.map((order) =>
          repeatConflicts(() => openInbox(harness, features).handle(order.map((draft) => anotherDelivery(draft)))),
        );
        await settlesWithin(Promise.all(handling), 20_000, "a transaction");
        for (const { messageId } of drafts) assert.equal(await harness.countEffects(messageId), 1, "effects");
      }
    },
  },
  {
    id: "inbox.parallel.held-too-long",
    title: "a message that another transaction does not let go of is given up with STORE.CONFLICT or by the time-out",
    guarantee: "G3",
    requires,
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      const draft = sampleMessage();
      await inbox.transaction(async (tx) => {
        await tx.insertCompleted([draft], { behindPending: "insert" });
        await harness.writeEffect(tx.client, draft.messageId);
        const waiting = openInbox(harness, features).repository.transaction(
          (other) => other.insertCompleted([anotherDelivery(draft)], { behindPending: "insert" }),
          { timeoutMs: 1_500 },
        );
        await assert.rejects(
          settlesWithin(waiting, 15_000, "a transaction"),
          (error) => isOmniBoxError(error, "STORE.CONFLICT") || isOmniBoxError(error, "INBOX.HANDLER_TIMEOUT"),
        );
      });
      assert.equal((await inbox.read(draft.id)).status, "completed");
      assert.equal(await harness.countEffects(draft.messageId), 1);
    },
  },
  {
    id: "inbox.parallel.store-meets-insert",
    title: "when one process stores a message while another handles it, one of the two finds it there",
    guarantee: "G3",
    requires,
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      for (let round = 0; round < 12; round += 1) {
        const draft = sampleMessage();
        const store = () =>
          repeatConflicts(() => openInbox(harness, features).repository.store([rowOf(anotherDelivery(draft))]));
        const handle = () => repeatConflicts(() => inbox.handle([draft]));
        const order = round % 2 === 0 ? [store, handle] : [handle, store];
        const answers = (await Promise.all(order.map((step) => step()))).flat();
        assert.deepEqual(kindsOf(answers).sort(), ["duplicate", "stored"]);
        const handled = (await inbox.repository.findById(draft.id)) !== null;
        assert.equal(await harness.countEffects(draft.messageId), handled ? 1 : 0, "effects and rows disagree");
      }
    },
  },
  {
    id: "inbox.parallel.store-waits",
    title: "a store that meets the message in an open transaction neither fails nor overwrites what that one commits",
    guarantee: "G3",
    requires,
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      const draft = sampleMessage();
      let storing: Promise<readonly StoredMessage[]> | undefined;
      await inbox.transaction(async (tx) => {
        await tx.insertCompleted([draft], { behindPending: "insert" });
        storing = openInbox(harness, features).repository.store([rowOf(anotherDelivery(draft))]);
        storing.catch(() => "looked at below");
        await roundTrips(inbox);
      });
      assert.deepEqual(await storing, [{ kind: "duplicate", id: draft.id, status: "completed" }]);
      assert.equal((await inbox.read(draft.id)).status, "completed");
      assert.deepEqual((await inbox.take()).events, []);
    },
  },
];

/** Two transactions of one message, the second begun while the first is open. */
function meeting(end: "commits" | "rolls-back", then: string, expected: readonly string[]): InboxRepositoryCase {
  return {
    id: `inbox.parallel.first-${end}`,
    title: `a transaction that meets its message in an open one waits; ${then}`,
    guarantee: "G3",
    requires,
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      const draft = sampleMessage();
      let answeredEarly = false;
      let open = true;
      let second: Promise<readonly StoredMessage[]> | undefined;
      const first = inbox.transaction(async (tx) => {
        assert.deepEqual(kindsOf(await tx.insertCompleted([draft], { behindPending: "insert" })), ["stored"]);
        await harness.writeEffect(tx.client, draft.messageId);
        second = openInbox(harness, features).transaction(async (other) => {
          const copy = anotherDelivery(draft);
          const answers = await other.insertCompleted([copy], { behindPending: "insert" });
          answeredEarly = open;
          if (answers[0]?.kind === "stored") await harness.writeEffect(other.client, draft.messageId);
          return answers;
        });
        second.catch(() => "looked at below");
        await roundTrips(inbox);
        open = false;
        if (end === "rolls-back") throw rolledBack;
      });
      await (end === "commits" ? first : assert.rejects(first, (error) => error === rolledBack));
      assert.deepEqual(kindsOf((await second) ?? []), expected);
      assert.equal(answeredEarly, false, "answered while the first transaction was open");
      assert.equal(await harness.countEffects(draft.messageId), 1, "effects");
    },
  };
}

async function handleAndMaybeRollBack(
  harness: InboxRepositoryHarness<unknown>,
  inbox: InboxScenario,
  draft: InboxEventDraft,
  rollBack: boolean,
): Promise<readonly StoredMessage[]> {
  return inbox.transaction(async (tx) => {
    const answers = await tx.insertCompleted([draft], { behindPending: "insert" });
    if (answers[0]?.kind === "stored") await harness.writeEffect(tx.client, draft.messageId);
    if (rollBack) throw rolledBack;
    return answers;
  });
}

/** Gives another transaction time to reach the store: what it waits for has no signal. */
async function roundTrips({ repository }: InboxScenario): Promise<void> {
  for (let trip = 0; trip < 10; trip += 1) await repository.findDue({ limit: 1 });
}
