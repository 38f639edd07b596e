import assert from "node:assert/strict";
import { createOutbox, isOmniBoxError } from "@omni-box/core";
import type { OutboxRepositoryCase } from "./outbox-repository-case.js";
import { openOutbox } from "./outbox-scenario.js";
import { sampleEvent, sampleEvents } from "./sample-event.js";

/** What `add` has to do with the application's transaction. */
export const transactionCases: readonly OutboxRepositoryCase[] = [
  {
    id: "outbox.add.commit",
    title: "everything added in a transaction is there once it has committed, one entry reported for each event",
    guarantee: "G1",
    async run(harness, features) {
      const { repository, take } = openOutbox(harness, features);
      const drafts = sampleEvents(7);
      const added = await harness.transaction(async (tx) => [
        ...(await repository.add(tx, drafts.slice(0, 4))),
        ...(await repository.add(tx, drafts.slice(4))),
      ]);
      const ids = drafts.map(({ id }) => id);
      assert.deepEqual(
        added.map(({ id }) => id),
        ids,
      );
      assert.ok(
        added.every(({ duplicate }) => !duplicate),
        "reported as duplicates",
      );
      const { events } = await take();
      assert.deepEqual(
        events.map(({ id }) => id),
        ids,
      );
      assert.deepEqual(
        events.map(({ seq }) => seq),
        added.map(({ seq }) => seq),
        "reported and stored seq differ",
      );
    },
  },
  {
    id: "outbox.add.rollback",
    title: "a rolled back transaction leaves no event behind",
    guarantee: "G1",
    async run(harness, features) {
      const { repository, take } = openOutbox(harness, features);
      const drafts = sampleEvents(5);
      const failure = new Error("the application changed its mind");
      const attempt = harness.transaction(async (tx) => {
        await repository.add(tx, drafts.slice(0, 3));
        await repository.add(tx, drafts.slice(3));
        throw failure;
      });
      await assert.rejects(attempt, (error) => error === failure);
      assert.deepEqual((await take()).events, []);
      for (const { id } of drafts) assert.equal(await repository.findById(id), null);
    },
  },
  {
    id: "outbox.add.invisible-before-commit",
    title: "nothing can be read or taken before the transaction has committed",
    guarantee: "G1",
    requires: ["concurrentTransactions"],
    async run(harness, features) {
      const { repository, take } = openOutbox(harness, features);
      const draft = sampleEvent();
      await harness.transaction(async (tx) => {
        await repository.add(tx, [draft]);
        assert.equal(await repository.findById(draft.id), null, "read before the commit");
        assert.deepEqual((await take()).events, [], "taken before the commit");
      });
      assert.equal((await take()).events.length, 1);
    },
  },
  {
    id: "outbox.add.seq-order",
    title: "seq follows the order in which events were given, within one add and over several",
    guarantee: "G4",
    async run(harness, features) {
      const { repository } = openOutbox(harness, features);
      const added = await harness.transaction(async (tx) => [
        ...(await repository.add(tx, sampleEvents(50))),
        ...(await repository.add(tx, [sampleEvent()])),
        ...(await repository.add(tx, sampleEvents(50))),
      ]);
      const later = await harness.transaction((tx) => repository.add(tx, [sampleEvent()]));
      const seqs = [...added, ...later].map(({ seq }) => seq ?? assert.fail("no seq was reported"));
      assert.deepEqual(
        seqs,
        [...new Set(seqs)].sort((a, b) => (a < b ? -1 : 1)),
      );
    },
  },
  {
    id: "outbox.add.late-commit",
    title: "an event whose transaction commits late, behind newer ones, is still taken",
    guarantee: "G2",
    requires: ["concurrentTransactions"],
    async run(harness, features) {
      const outbox = openOutbox(harness, features);
      const [late, early] = [sampleEvent(), sampleEvent()];
      await harness.transaction(async (tx) => {
        await outbox.repository.add(tx, [late]);
        await outbox.add([early]);
        const before = await outbox.take();
        assert.deepEqual(
          before.events.map(({ id }) => id),
          [early.id],
        );
        await outbox.complete(before);
      });
      assert.deepEqual(
        (await outbox.take()).events.map(({ id }) => id),
        [late.id],
      );
    },
  },
  {
    id: "outbox.add.root-refused",
    title: "a strict outbox refuses a client outside a transaction and stores nothing",
    guarantee: "G1",
    requires: ["rootClient"],
    async run(harness, features) {
      const { repository, take } = openOutbox(harness, features);
      assert.ok(harness.rootClient, "the harness declares rootClient and has none");
      assert.equal(repository.isTransaction(harness.rootClient), false);
      const adding = createOutbox({ repository }).add(harness.rootClient, sampleEvent());
      await assert.rejects(adding, (error) => isOmniBoxError(error, "CONFIG.TRANSACTION_REQUIRED"));
      assert.deepEqual((await take()).events, []);
    },
  },
  {
    id: "outbox.add.refusal-keeps-transaction",
    title: "after an event was refused the transaction is usable and commits what else was added",
    guarantee: "G1",
    async run(harness, features) {
      const { repository, take } = openOutbox(harness, features);
      const outbox = createOutbox({ repository, payloadMaxBytes: 1_024 });
      const sound = sampleEvent();
      await harness.transaction(async (tx) => {
        assert.equal(repository.isTransaction(tx), true);
        const tooLarge = sampleEvent({ payload: { text: "x".repeat(2_000) } });
        const refused = outbox.add(tx, [sampleEvent(), tooLarge]);
        await assert.rejects(refused, (error) => isOmniBoxError(error, "MESSAGE.INVALID_PAYLOAD"));
        await outbox.add(tx, sound);
      });
      assert.deepEqual(
        (await take()).events.map(({ id }) => id),
        [sound.id],
      );
    },
  },
];
