import assert from "node:assert/strict";
import type { InboxEvent } from "@omni-box/core";
import { caseLeaseMs, idsOf } from "../repository/event-scenario.js";
import type { InboxRepositoryCase } from "./inbox-repository-case.js";
import { openInbox, repeatConflicts } from "./inbox-scenario.js";
import { rowOf, sampleMessage, sampleMessages } from "./sample-message.js";

/** Storing messages by themselves. */
export const storeCases: readonly InboxRepositoryCase[] = [
  {
    id: "inbox.store.seq-order",
    title: "rows get their seq in the order given, within one call and over several",
    guarantee: "G4",
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      const drafts = sampleMessages(60);
      const answers = [
        ...(await inbox.storePending(drafts.slice(0, 30))),
        ...(await inbox.storePending(drafts.slice(30, 31))),
        ...(await inbox.storePending(drafts.slice(31))),
      ];
      assert.deepEqual(
        answers.map((answer) => (answer.kind === "stored" ? answer.id : answer.kind)),
        idsOf(drafts),
      );
      const rows = await Promise.all(drafts.map(({ id }) => inbox.read(id)));
      const seqs = rows.map(({ seq }) => seq);
      assert.deepEqual(
        seqs,
        [...new Set(seqs)].sort((a, b) => (a < b ? -1 : 1)),
      );
      const { events } = await inbox.take();
      assert.deepEqual(idsOf(events), idsOf(drafts), "taken in another order");
    },
  },
  {
    id: "inbox.store.statuses",
    title: "pending, failed and completed rows hold what they were given, and only the pending one can be taken",
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      const [pending, failed, completed] = [sampleMessage(), sampleMessage(), sampleMessage()];
      const error = `"'\\ $1 {}, 漢字 👩‍👩‍👧`;
      await inbox.repository.store([
        rowOf(pending, { attemptsMade: 2, error }),
        rowOf(failed, { status: "failed", attemptsMade: 1, error }),
        rowOf(completed, { status: "completed" }),
      ]);
      const stateOf = ({ status, attemptsMade, lastError, lease, nextAttemptAt }: InboxEvent) => ({
        status,
        attemptsMade,
        lastError,
        lease,
        nextAttemptAt,
      });
      const free = { lease: null, nextAttemptAt: null };
      assert.deepEqual(stateOf(await inbox.read(pending.id)), {
        status: "pending",
        attemptsMade: 2,
        lastError: error,
        ...free,
      });
      assert.deepEqual(stateOf(await inbox.read(failed.id)), {
        status: "failed",
        attemptsMade: 1,
        lastError: error,
        ...free,
      });
      const done = await inbox.read(completed.id);
      assert.deepEqual(stateOf(done), { status: "completed", attemptsMade: 0, lastError: null, ...free });
      assert.ok(done.completedAt instanceof Date, "completedAt is not set");
      await harness.advanceTime(86_400_000);
      assert.deepEqual(idsOf((await inbox.take()).events), [pending.id]);
    },
  },
  {
    id: "inbox.store.delay",
    title: "each row waits for its own delay before its next attempt",
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      const [later, soon, now] = [sampleMessage(), sampleMessage(), sampleMessage()];
      await inbox.repository.store([
        rowOf(later, { delayMs: 600_000 }),
        rowOf(soon, { delayMs: 60_000 }),
        rowOf(now, { delayMs: null }),
      ]);
      assert.deepEqual(idsOf((await inbox.take()).events), [now.id]);
      await harness.advanceTime(61_000);
      assert.deepEqual(idsOf((await inbox.take()).events), [soon.id]);
      await harness.advanceTime(caseLeaseMs / 4);
      assert.deepEqual(idsOf((await inbox.take()).events), []);
      await harness.advanceTime(600_000);
      assert.ok(idsOf((await inbox.take()).events).includes(later.id), "not due after its delay");
    },
  },
  {
    id: "inbox.store.suspects",
    title: "a row keeps the mark of a suspect that it is stored with, also through a claim",
    guarantee: "G7",
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      const [suspect, sound] = [sampleMessage(), sampleMessage()];
      await inbox.repository.store([rowOf(suspect, { startedAttempts: 1 }), rowOf(sound)]);
      assert.deepEqual(
        (await inbox.take()).events.map(({ id, startedAttempts }) => [id, startedAttempts]),
        [
          [suspect.id, 1],
          [sound.id, 0],
        ],
      );
    },
  },
  {
    id: "inbox.store.nothing",
    title: "storing no rows is harmless",
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      assert.deepEqual(await inbox.repository.store([]), []);
      assert.deepEqual((await inbox.take()).events, []);
    },
  },
  {
    id: "inbox.store.thousands",
    title: "two thousand rows are stored in one call, in order",
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      const drafts = sampleMessages(2_000);
      const answers = await inbox.storePending(drafts);
      assert.deepEqual(
        answers,
        drafts.map(({ id }) => ({ kind: "stored", id })),
      );
      const rows = await inbox.repository.findDue({ limit: drafts.length });
      assert.deepEqual(idsOf(rows), idsOf(drafts));
      assert.ok(
        rows.every(({ seq }, index) => index === 0 || seq > (rows[index - 1]?.seq ?? seq)),
        "seq is not in order",
      );
      const last = drafts.at(-1) ?? assert.fail("no drafts");
      assert.deepEqual((await inbox.read(last.id)).payload, last.payload);
    },
  },
  {
    id: "inbox.store.parallel",
    title: "of many processes that store the same messages at once, each in its own order, exactly one stores each",
    guarantee: "G3",
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      for (let round = 0; round < 5; round += 1) {
        const drafts = sampleMessages(10);
        const storeFrom = (start: number) => {
          const rows = [...drafts.slice(start), ...drafts.slice(0, start)].map((draft) => rowOf(draft));
          return repeatConflicts(() => openInbox(harness, features).repository.store(rows));
        };
        const answers = (await Promise.all([0, 2, 5, 8].map(storeFrom))).flat();
        const stored = answers.filter(({ kind }) => kind === "stored");
        const { events } = await inbox.take();
        assert.deepEqual(new Set(idsOf(events)), new Set(idsOf(drafts)));
        assert.equal(events.length, drafts.length, "a message was stored twice");
        assert.ok(stored.length <= drafts.length, "a message is answered as stored more than once");
      }
    },
  },
];
