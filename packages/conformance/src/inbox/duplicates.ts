import assert from "node:assert/strict";
import type { InboxEventDraft, StoredMessage } from "@omni-box/core";
import type { InboxRepositoryCase } from "./inbox-repository-case.js";
import { type InboxScenario, kindsOf, openInbox } from "./inbox-scenario.js";
import { anotherDelivery, rowOf, sampleMessage, sampleMessages } from "./sample-message.js";

/** Either way of storing messages. */
type Insert = (inbox: InboxScenario, drafts: readonly InboxEventDraft[]) => Promise<readonly StoredMessage[]>;

const inserts: Readonly<Record<"store" | "insert", Insert>> = {
  store: ({ repository }, drafts) => repository.store(drafts.map((draft) => rowOf(draft, { error: "another" }))),
  insert: (inbox, drafts) => inbox.handle(drafts),
};

/** What becomes of a message that is stored already, whichever way it comes again. */
export const duplicateCases: readonly InboxRepositoryCase[] = [
  ...casesOf("store", "a stored message"),
  ...casesOf("insert", "a handled message"),
  {
    id: "inbox.duplicates.insert.no-effect",
    title: "a duplicate leaves the transaction usable: what else it writes commits",
    guarantee: "G3",
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      const draft = sampleMessage();
      await inbox.handle([draft]);
      await inbox.transaction(async (tx) => {
        const again = await tx.insertCompleted([anotherDelivery(draft)], { behindPending: "insert" });
        assert.deepEqual(kindsOf(again), ["duplicate"]);
        await harness.writeEffect(tx.client, "something else");
      });
      assert.equal(await harness.countEffects("something else"), 1, "the transaction was aborted by the duplicate");
      assert.equal(await harness.countEffects(draft.messageId), 1);
    },
  },
];

function casesOf(way: keyof typeof inserts, what: string): readonly InboxRepositoryCase[] {
  const insert = inserts[way];
  return [
    {
      id: `inbox.duplicates.${way}.unchanged`,
      title: `${what} that is there already is answered with its id and status, and its row is left as it is, whatever that is`,
      guarantee: "G3",
      async run(harness, features) {
        const inbox = openInbox(harness, features);
        const [pending, completed, failed, handled, leased] = sampleMessages(5);
        assert.ok(pending && completed && failed && handled && leased);
        await inbox.repository.store([rowOf(leased)]);
        await inbox.take();
        await inbox.repository.store([
          rowOf(pending, { attemptsMade: 1, delayMs: 60_000, error: "first" }),
          rowOf(completed, { status: "completed" }),
          rowOf(failed, { status: "failed", attemptsMade: 3, error: "given up" }),
        ]);
        await inbox.handle([handled]);
        const drafts = [pending, completed, failed, handled, leased];
        const before = await Promise.all(drafts.map(({ id }) => inbox.read(id)));
        const again = drafts.map((draft) =>
          anotherDelivery(draft, { payload: { changed: true }, partitionKey: "other" }),
        );
        assert.deepEqual(
          await insert(inbox, again),
          before.map(({ id, status }) => ({ kind: "duplicate", id, status })),
        );
        assert.deepEqual(await Promise.all(drafts.map(({ id }) => inbox.read(id))), before, "a row was changed");
        for (const { id } of again) assert.equal(await inbox.repository.findById(id), null, "stored twice");
      },
    },
    {
      id: `inbox.duplicates.${way}.repeated`,
      title: `repeating the call changes nothing`,
      async run(harness, features) {
        const inbox = openInbox(harness, features);
        const drafts = sampleMessages(3);
        await insert(inbox, drafts);
        const before = await Promise.all(drafts.map(({ id }) => inbox.read(id)));
        assert.deepEqual(
          await insert(inbox, drafts),
          before.map(({ id, status }) => ({ kind: "duplicate", id, status })),
        );
        assert.deepEqual(await Promise.all(drafts.map(({ id }) => inbox.read(id))), before);
        for (const { messageId } of drafts)
          assert.equal(await harness.countEffects(messageId), way === "insert" ? 1 : 0);
      },
    },
    {
      id: `inbox.duplicates.${way}.in-one-call`,
      title: `of copies of one message in one call the first is stored, the others are duplicates of it`,
      guarantee: "G3",
      async run(harness, features) {
        const inbox = openInbox(harness, features);
        const [draft, other] = [sampleMessage({ payload: { copy: 1 } }), sampleMessage()];
        const copies = [2, 3].map((copy) => anotherDelivery(draft, { payload: { copy } }));
        const answers = await insert(inbox, [draft, ...copies, other]);
        assert.deepEqual(kindsOf(answers), ["stored", "duplicate", "duplicate", "stored"]);
        const stored = await inbox.read(draft.id);
        assert.deepEqual(stored.payload, { copy: 1 });
        for (const answer of answers.slice(1, 3)) {
          assert.deepEqual(answer, { kind: "duplicate", id: draft.id, status: stored.status });
        }
        for (const { id } of copies) assert.equal(await inbox.repository.findById(id), null);
        assert.equal(await harness.countEffects(draft.messageId), way === "insert" ? 1 : 0);
      },
    },
    {
      id: `inbox.duplicates.${way}.among-new`,
      title: `among new messages exactly the known ones are duplicates, answered in the order given`,
      async run(harness, features) {
        const inbox = openInbox(harness, features);
        const drafts = sampleMessages(40);
        const known = drafts.filter((_, index) => index % 3 === 1);
        await inbox.handle(known.map((draft) => anotherDelivery(draft)));
        const answers = await insert(inbox, drafts);
        assert.deepEqual(
          kindsOf(answers),
          drafts.map((draft) => (known.includes(draft) ? "duplicate" : "stored")),
        );
        let last = 0n;
        for (const [index, answer] of answers.entries()) {
          const draft = drafts[index];
          if (answer.kind !== "stored" || draft === undefined) continue;
          assert.equal(answer.id, draft.id);
          const { seq } = await inbox.read(draft.id);
          assert.ok(seq > last, "seq is not in the order given");
          last = seq;
        }
      },
    },
    {
      id: `inbox.duplicates.${way}.groups`,
      title: `one message for two consumer groups is two rows`,
      guarantee: "G3",
      async run(harness, features) {
        const inbox = openInbox(harness, features);
        const shipping = sampleMessage({ consumerGroup: "shipping" });
        const billing = anotherDelivery(shipping, { consumerGroup: "billing" });
        const answers = [...(await insert(inbox, [shipping])), ...(await insert(inbox, [billing]))];
        assert.deepEqual(kindsOf(answers), ["stored", "stored"]);
        assert.deepEqual(
          [await inbox.read(shipping.id), await inbox.read(billing.id)].map(({ consumerGroup }) => consumerGroup),
          ["shipping", "billing"],
        );
        const both = [shipping, billing].map((draft) => anotherDelivery(draft));
        assert.deepEqual(kindsOf(await insert(inbox, both)), ["duplicate", "duplicate"]);
      },
    },
  ];
}
