import assert from "node:assert/strict";
import type { BaseEvent, DeadLetter, DeadLetterRef } from "@omni-box/core";
import type { TimedHarness } from "../repository/repository-subject.js";
import { type AdministrationStory, firstOf, idsOf } from "./administration-scenario.js";

const leaseMs = 60_000;

/** Copies of failed events for another broker or queue. */
export const deadLetterStories: readonly AdministrationStory<TimedHarness>[] = [
  {
    name: "dead-letters-taken",
    title: "failed events are taken once, no more than asked for, and come again when nothing was recorded in time",
    guarantee: "G2",
    async run({ administration, add, addFailed }, harness) {
      await add(2);
      const failed = await addFailed(["a", "b", "c"], "no route");
      const first = await administration.takeDeadLetters({ limit: 2, leaseMs });
      assert.deepEqual(eventIds(first), idsOf(failed.slice(0, 2)));
      const { event, failedAt, attemptsMade } = firstOf(first);
      assert.deepEqual([event.status, event.lastError, attemptsMade], ["failed", "no route", 0]);
      assert.deepEqual(failedAt, (await administration.find(event.id))?.failedAt);
      assert.deepEqual(eventIds(await administration.takeDeadLetters({ limit: 10, leaseMs })), idsOf(failed.slice(2)));
      assert.deepEqual(await administration.takeDeadLetters({ limit: 10, leaseMs }), []);
      await harness.advanceTime(leaseMs + 1_000);
      assert.deepEqual(eventIds(await administration.takeDeadLetters({ limit: 10, leaseMs })), idsOf(failed));
    },
  },
  {
    name: "dead-letters-parallel",
    title: "publishers that look at once never get the same event",
    async run({ administration, addFailed }, harness) {
      const failed = await addFailed(Array.from({ length: 20 }, (_, index) => `key-${index}`));
      const publishers = [administration, ...Array.from({ length: 3 }, () => harness.createAdministration?.())];
      const taken = await Promise.all(publishers.map((each) => each?.takeDeadLetters({ limit: 7, leaseMs })));
      const rest = await administration.takeDeadLetters({ limit: 100, leaseMs });
      assert.deepEqual(eventIds([...taken.flatMap((each) => each ?? []), ...rest]).sort(), idsOf(failed).sort());
    },
  },
  {
    name: "dead-letters-filtered",
    title: "a publisher can take the events of some topics alone",
    async run({ administration, addKeys, failEach }) {
      const [orders, bills] = [await addKeys(["a"]), await addKeys(["b"], { topic: "bills" })];
      await failEach([...orders, ...bills]);
      const taken = async (topic: string) =>
        eventIds(await administration.takeDeadLetters({ limit: 10, leaseMs, filters: { topics: [topic] } }));
      assert.deepEqual(await taken("bills"), idsOf(bills));
      assert.deepEqual(await taken("orders"), idsOf(orders));
    },
  },
  {
    name: "dead-letters-recorded",
    title:
      "a published dead letter is not owed any more, and the event stays failed; recording it again changes nothing",
    async run({ administration, addFailed, read }, harness) {
      const { id } = firstOf(await addFailed(["a"]));
      const refs = (await administration.takeDeadLetters({ limit: 10, leaseMs })).map(refOf);
      await administration.recordDeadLettered(refs);
      const once = await administration.find(id);
      await administration.recordDeadLettered(refs);
      assert.deepEqual(await administration.find(id), once);
      assert.ok(once?.deadLetteredAt instanceof Date, "deadLetteredAt is not set");
      assert.deepEqual(
        once.history.map(({ what, note }) => [what, note]),
        [
          ["failed", "refused"],
          ["deadLettered", null],
        ],
      );
      assert.equal((await read(id)).status, "failed");
      await harness.advanceTime(86_400_000);
      assert.deepEqual(await administration.takeDeadLetters({ limit: 10, leaseMs }), []);
      assert.equal((await administration.statistics()).awaitingDeadLetter, 0);
    },
  },
  {
    name: "dead-letters-failed",
    title:
      "a dead letter that could not be published backs off, spends no attempt of the event, and comes with its count",
    guarantee: "G6",
    async run({ administration, addFailed, read }, harness) {
      const { id } = firstOf(await addFailed(["a"]));
      const [taken] = await administration.takeDeadLetters({ limit: 10, leaseMs });
      assert.ok(taken);
      const rows = [{ ...refOf(taken), error: "broker away", delayMs: 10 * leaseMs, attemptsMade: 1 }];
      await administration.recordDeadLetterFailed(rows);
      await administration.recordDeadLetterFailed(rows);
      assert.equal((await read(id)).attemptsMade, 1, "an attempt of the event was spent");
      await harness.advanceTime(2 * leaseMs);
      assert.deepEqual(await administration.takeDeadLetters({ limit: 10, leaseMs }), [], "it did not back off");
      await harness.advanceTime(10 * leaseMs);
      const [again] = await administration.takeDeadLetters({ limit: 10, leaseMs });
      assert.ok(again, "it did not come again");
      assert.equal(again.attemptsMade, 1);
      await administration.recordDeadLetterFailed([
        { ...refOf(again), error: "still away", delayMs: 0, attemptsMade: 2 },
      ]);
      const history = (await administration.find(id))?.history ?? [];
      assert.deepEqual(
        history.map(({ what, note }) => [what, note]),
        [
          ["failed", "refused"],
          ["deadLetterFailed", "still away"],
        ],
        "of failures in a row the last one is kept",
      );
    },
  },
  {
    name: "dead-letters-requeued",
    title: "what is recorded of a former failure says nothing of the next one",
    guarantee: "G2",
    async run({ administration, addFailed, failEach }, harness) {
      const failed = await addFailed(["a"]);
      const { id } = firstOf(failed);
      const former = (await administration.takeDeadLetters({ limit: 10, leaseMs })).map(refOf);
      await administration.requeue({ filter: {}, limit: 10 });
      await administration.recordDeadLettered(former);
      assert.equal((await administration.find(id))?.deadLetteredAt, null, "a pending event became a dead letter");
      await harness.advanceTime(1_000);
      await failEach(failed, "again");
      await administration.recordDeadLettered(former);
      const late = former.map((ref) => ({ ...ref, error: "late", delayMs: 10 * leaseMs, attemptsMade: 3 }));
      await administration.recordDeadLetterFailed(late);
      const [next] = await administration.takeDeadLetters({ limit: 10, leaseMs });
      assert.deepEqual([next?.event.lastError, next?.attemptsMade], ["again", 0]);
    },
  },
  {
    name: "dead-letters-forgotten",
    title: "an event that was a dead letter is one again when it is requeued and fails again",
    async run({ administration, addFailed, failEach }) {
      const failed = await addFailed(["a"]);
      const { id } = firstOf(failed);
      const take = async () => (await administration.takeDeadLetters({ limit: 10, leaseMs })).map(refOf);
      await administration.recordDeadLettered(await take());
      await administration.requeue({ filter: {}, limit: 10 });
      assert.equal((await administration.find(id))?.deadLetteredAt, null);
      await failEach(failed);
      assert.deepEqual(idsOf(await take()), [id]);
    },
  },
];

function refOf({ event: { id, seq }, failedAt }: DeadLetter<BaseEvent>): DeadLetterRef {
  return { id, seq, failedAt };
}

function eventIds(taken: readonly DeadLetter<BaseEvent>[]): string[] {
  return taken.map(({ event: { id } }) => id);
}
