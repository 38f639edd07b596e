import assert from "node:assert/strict";
import { limits } from "@omni-box/core";
import type { TimedHarness } from "../repository/repository-subject.js";
import { type AdministrationScenario, type AdministrationStory, firstOf, refOf } from "./administration-scenario.js";

/** What happened to an event is kept. */
export const historyStories: readonly AdministrationStory<TimedHarness>[] = [
  {
    name: "history",
    title: "counted failures and what people did are kept in their order, with attempts, notes and times",
    async run(scenario, harness) {
      const { administration, addKeys, failEach } = scenario;
      const [ref] = await addKeys(["a"]);
      assert.ok(ref);
      await retry(scenario, 1, "first");
      await harness.advanceTime(60_000);
      await retry(scenario, 2, "second");
      await harness.advanceTime(60_000);
      await failEach([ref], "third");
      await administration.requeue({ filter: {}, limit: 10, reason: "it is back" });
      await failEach([ref], "fourth");
      await administration.skip({ filter: {}, limit: 10 });
      const history = (await administration.find(ref.id))?.history ?? [];
      assert.deepEqual(
        history.map(({ what, attemptsMade, note }) => [what, attemptsMade, note]),
        [
          ["retried", 1, "first"],
          ["retried", 2, "second"],
          ["failed", 3, "third"],
          ["requeued", 0, "it is back"],
          ["failed", 1, "fourth"],
          ["skipped", 1, null],
        ],
      );
      const times = history.map(({ at }) => at.getTime());
      assert.ok(
        times.every((at) => Number.isFinite(at)),
        "a time is none",
      );
    },
  },
  {
    name: "history-uncounted",
    title: "what is only put off or given back adds nothing to the history",
    guarantee: "G6",
    async run(scenario, harness) {
      const { administration, addKeys, take, release } = scenario;
      const [ref] = await addKeys(["a"]);
      assert.ok(ref);
      await release(await take());
      await retry(scenario, 0, "not yet");
      await harness.advanceTime(60_000);
      await take();
      assert.deepEqual((await administration.find(ref.id))?.history, []);
    },
  },
  {
    name: "history-bounded",
    title: `of a long history the last ${limits.historyMaxEntries} entries are kept, and ${limits.historyNoteMaxLength} characters of a note`,
    guarantee: "G8",
    async run({ administration, addKeys, failEach }) {
      const refs = await addKeys(["a"]);
      const { id } = firstOf(refs);
      for (let time = 1; time <= 11; time += 1) {
        await failEach(refs, `${time} ${"é👩".repeat(200)}`);
        if (time < 11) await administration.requeue({ filter: {}, limit: 10 });
      }
      const history = (await administration.find(id))?.history ?? [];
      assert.equal(history.length, limits.historyMaxEntries);
      assert.equal(history[0]?.what, "requeued");
      assert.equal(history.at(-1)?.note, `11 ${"é👩".repeat(148)}é`);
    },
  },
];

/** Records a failure of every due event as a worker does. */
async function retry({ take, record, repository }: AdministrationScenario, attemptsMade: number, error: string) {
  const { fence, events } = await take();
  assert.ok(events.length > 0, "nothing was due");
  const rows = events.map((event) => ({
    ...refOf(event),
    attemptsMade,
    startedAttempts: 0,
    delayMs: 1_000,
    error,
  }));
  await record(repository.recordPending, fence, rows);
}
