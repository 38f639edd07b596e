import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { isOmniBoxError, type KeySequence } from "@omni-box/core";
import { settlesWithin } from "../settlement.js";
import type { InboxRepositoryCase } from "./inbox-repository-case.js";
import { type InboxScenario, openInbox, repeatConflicts } from "./inbox-scenario.js";
import { rowOf, sampleMessage } from "./sample-message.js";

const requires = ["concurrentTransactions"] as const;
const rolledBack = new Error("rolled back by the case");

/** The sequences by which an event is recognised that is older than one of its key which has been handled. */
export const sequenceCases: readonly InboxRepositoryCase[] = [
  {
    id: "inbox.sequences.sender-seq",
    title: "a message keeps the number that its sender gave it, also one beyond 2^53, and none where it gave none",
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      for (const senderSeq of [0n, 2n ** 63n - 1n, 9_007_199_254_740_993n, null]) {
        const [stored, single, ...several] = Array.from({ length: 4 }, () => sampleMessage({ senderSeq }));
        assert.ok(stored !== undefined && single !== undefined);
        await inbox.repository.store([rowOf(stored)]);
        await inbox.handle([single]);
        await inbox.handle(several);
        for (const { id } of [stored, single, ...several]) assert.equal((await inbox.read(id)).senderSeq, senderSeq);
      }
    },
  },
  {
    id: "inbox.sequences.raised",
    title:
      "an event is newer when its number is higher than all that were committed for its key, and not when it is equal",
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      const { numbered } = keyOf();
      const answers: boolean[] = [];
      for (const seq of [5, 4, 5, 6, 2]) answers.push(...(await raise(inbox, [numbered(seq)])));
      assert.deepEqual(answers, [true, false, false, true, false]);
      const large = [2n ** 63n - 2n, 2n ** 63n - 1n, 2n ** 63n - 2n].map((seq) => ({ ...numbered(0), seq }));
      for (const [index, sequence] of large.entries()) {
        assert.deepEqual(await raise(inbox, [sequence]), [index < 2], `the number ${sequence.seq}`);
      }
    },
  },
  {
    id: "inbox.sequences.in-turn",
    title: "events of one call are compared with those before them in the list too, whichever order they have",
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      const a = keyOf();
      const b = keyOf();
      const first = [a.numbered(2), b.numbered(1), a.numbered(1), a.numbered(3), b.numbered(2), b.numbered(2)];
      assert.deepEqual(await raise(inbox, first), [true, true, false, true, true, false]);
      const second = [a.numbered(3), a.numbered(5), b.numbered(1), a.numbered(4)];
      assert.deepEqual(await raise(inbox, second), [false, true, false, false]);
      assert.deepEqual(await raise(inbox, [a.numbered(5), b.numbered(3)]), [false, true]);
    },
  },
  {
    id: "inbox.sequences.scope",
    title: "keys, topics and consumer groups have sequences of their own",
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      const { numbered } = keyOf();
      await raise(inbox, [numbered(9)]);
      const others = [{ topic: "payments" }, { consumerGroup: "billing" }, { partitionKey: randomUUID() }];
      assert.deepEqual(
        await raise(
          inbox,
          others.map((other) => ({ ...numbered(1), ...other })),
        ),
        [true, true, true],
      );
      assert.deepEqual(await raise(inbox, [numbered(1)]), [false]);
    },
  },
  {
    id: "inbox.sequences.rolled-back",
    title: "a transaction that rolls back leaves the sequence as it was",
    guarantee: "G3",
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      const { numbered } = keyOf();
      for (const before of [[], [numbered(2)]]) {
        await raise(inbox, before);
        const attempt = inbox.transaction(async (tx) => {
          assert.deepEqual(await tx.raiseSequences([numbered(9)]), [true]);
          throw rolledBack;
        });
        await assert.rejects(attempt, (error) => error === rolledBack);
      }
      assert.deepEqual(await raise(inbox, [numbered(3)]), [true]);
      assert.deepEqual(await raise(inbox, [numbered(2)]), [false]);
    },
  },
  meeting("commits", "waits for its end and is not newer when that commits", false),
  meeting("rolls-back", "waits for its end and is newer when that rolls back", true),
  {
    id: "inbox.sequences.held-too-long",
    title: "a key that another transaction does not let go of is given up with STORE.CONFLICT or by the time-out",
    guarantee: "G3",
    requires,
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      const { numbered } = keyOf();
      await inbox.transaction(async (tx) => {
        await tx.raiseSequences([numbered(2)]);
        const waiting = openInbox(harness, features).repository.transaction(
          (other) => other.raiseSequences([numbered(3)]),
          { timeoutMs: 1_500 },
        );
        await assert.rejects(
          settlesWithin(waiting, 15_000, "a transaction"),
          (error) => isOmniBoxError(error, "STORE.CONFLICT") || isOmniBoxError(error, "INBOX.HANDLER_TIMEOUT"),
        );
      });
      assert.deepEqual(await raise(inbox, [numbered(2), numbered(3)]), [false, true]);
    },
  },
  {
    id: "inbox.sequences.parallel",
    title: "of many transactions of one key at the same time, those that find their event newer commit in rising order",
    guarantee: "G3",
    requires,
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      for (let round = 0; round < 5; round += 1) {
        const [a, b] = [keyOf(), keyOf()];
        const applied: number[] = [];
        const handling = [4, 1, 7, 3, 8, 2, 6, 5].map((seq) =>
          repeatConflicts(() =>
            openInbox(harness, features).transaction(async (tx) => {
              // In both orders, so that two of them could wait for each other.
              const keys = seq % 2 === 0 ? [a, b] : [b, a];
              const areNewer = await tx.raiseSequences(keys.map(({ numbered }) => numbered(seq)));
              assert.equal(areNewer[0], areNewer[1], "the keys, which rise together, were answered differently");
              // Nobody else of these keys goes on before the commit, so the order of these is that of the commits.
              if (areNewer[0]) applied.push(seq);
            }),
          ),
        );
        await settlesWithin(Promise.all(handling), 20_000, "a transaction");
        assert.deepEqual(
          applied,
          [...applied].sort((one, other) => one - other),
          "the order of the commits",
        );
        assert.equal(applied.at(-1), 8);
        assert.deepEqual(await raise(inbox, [a.numbered(8), b.numbered(9)]), [false, true]);
      }
    },
  },
];

/** A key that nothing has been committed for. */
function keyOf(): { readonly numbered: (seq: number) => KeySequence } {
  const key = { consumerGroup: "shipping", topic: "orders", partitionKey: randomUUID() };
  return { numbered: (seq) => ({ ...key, seq: BigInt(seq) }) };
}

async function raise(inbox: InboxScenario, sequences: readonly KeySequence[]): Promise<readonly boolean[]> {
  return inbox.transaction((tx) => tx.raiseSequences(sequences));
}

/** An older event that comes while the transaction of a newer one of its key is open. */
function meeting(end: "commits" | "rolls-back", what: string, isNewer: boolean): InboxRepositoryCase {
  return {
    id: `inbox.sequences.first-${end}`,
    title: `an older event that meets an open transaction of a newer one ${what}`,
    guarantee: "G3",
    requires,
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      // A key that has no sequence yet, and one that has.
      for (const before of [[], [1]]) {
        const { numbered } = keyOf();
        await raise(inbox, before.map(numbered));
        let open = true;
        let answeredEarly = false;
        let older: Promise<readonly boolean[]> | undefined;
        const newer = inbox.transaction(async (tx) => {
          assert.deepEqual(await tx.raiseSequences([numbered(9)]), [true]);
          older = raise(openInbox(harness, features), [numbered(2)]).finally(() => {
            answeredEarly = open;
          });
          older.catch(() => "looked at below");
          await roundTrips(inbox);
          open = false;
          if (end === "rolls-back") throw rolledBack;
        });
        await (end === "commits" ? newer : assert.rejects(newer, (error) => error === rolledBack));
        assert.deepEqual(await older, [isNewer]);
        assert.equal(answeredEarly, false, "answered while the first transaction was open");
      }
    },
  };
}

/** Long enough for an answer of one that does not wait. */
async function roundTrips(inbox: InboxScenario): Promise<void> {
  for (let trip = 0; trip < 20; trip += 1) await inbox.repository.findById(randomUUID());
}
