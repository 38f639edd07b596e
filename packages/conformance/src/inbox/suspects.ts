import assert from "node:assert/strict";
import { caseLeaseMs, refOf, type Taken } from "../repository/event-scenario.js";
import type { InboxRepositoryCase } from "./inbox-repository-case.js";
import { type InboxScenario, openInbox } from "./inbox-scenario.js";
import { rowOf, sampleMessage } from "./sample-message.js";

/** Counting the lone starts of events that may have killed their process; a claim's own mark is a common case. */
export const suspectCases: readonly InboxRepositoryCase[] = [
  {
    id: "inbox.suspects.recorded",
    title:
      "a recorded start is stored, shown by the next claim and not counted on by the take-over of an expired lease",
    guarantee: "G7",
    requires: ["leasedClaim"],
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      const { taken, id } = await takeSuspect(inbox);
      const ref = refOf(await inbox.read(id));
      assert.deepEqual((await inbox.repository.recordStarted(taken.fence, ref, 3)).missing, []);
      const before = await inbox.read(id);
      assert.equal(before.startedAttempts, 3);
      assert.equal(before.lease?.token, taken.fence.token, "the lease is gone");
      await harness.advanceTime(caseLeaseMs + 1_000);
      assert.deepEqual(
        (await inbox.take()).events.map(({ startedAttempts }) => startedAttempts),
        [3],
      );
    },
  },
  {
    id: "inbox.suspects.fenced",
    title: "a start under a lost lease is not recorded and reported as missing",
    guarantee: "G5",
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      const { taken, id } = await takeSuspect(inbox);
      await harness.advanceTime(caseLeaseMs + 1_000);
      const successor = await openInbox(harness, features).take();
      const before = await inbox.read(id);
      assert.equal(before.lease?.token, successor.fence.token);
      const ref = refOf(before);
      assert.deepEqual((await inbox.repository.recordStarted(taken.fence, ref, 3)).missing, [ref]);
      assert.deepEqual(await inbox.read(id), before);
    },
  },
  resetBy("completed", (inbox, taken) => inbox.complete(taken)),
  resetBy("pending", (inbox, taken) => inbox.release(taken)),
  resetBy("failed", (inbox, taken) => inbox.fail(taken, "given up")),
];

async function takeSuspect(inbox: InboxScenario): Promise<{ readonly taken: Taken; readonly id: string }> {
  const draft = sampleMessage();
  await inbox.repository.store([rowOf(draft, { startedAttempts: 1 })]);
  return { taken: await inbox.take(), id: draft.id };
}

function resetBy(
  outcome: string,
  settle: (inbox: InboxScenario, taken: Taken) => Promise<{ readonly missing: readonly unknown[] }>,
): InboxRepositoryCase {
  return {
    id: `inbox.suspects.reset-by-${outcome}`,
    title: `the outcome "${outcome}" clears a suspect of its starts`,
    guarantee: "G7",
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      const { taken, id } = await takeSuspect(inbox);
      await inbox.repository.recordStarted(taken.fence, refOf(await inbox.read(id)), 2);
      assert.deepEqual((await settle(inbox, taken)).missing, []);
      const { status, startedAttempts } = await inbox.read(id);
      assert.deepEqual([status, startedAttempts], [outcome, 0]);
    },
  };
}
