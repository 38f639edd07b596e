import assert from "node:assert/strict";
import type { EventRef } from "@omni-box/core";
import { bySeq } from "../../repository/event-scenario.js";
import { settlesWithin } from "../../settlement.js";
import type { OutboxRepositoryCase } from "../outbox-repository-case.js";
import type { OutboxRepositoryHarness } from "../outbox-repository-harness.js";
import { from, readBothWays, requestFor, seqs, seqsOf } from "./bucket-reads.js";
import { type BucketScenario, bucketLeaseMs, bucketsOf, openBuckets, takeOverMs } from "./bucket-scenario.js";
import { type FencedWrite, fencedWrites } from "./fenced-writes.js";

/** Round trips that give a statement time to reach the store and to wait there. */
const roundTrips = 20;
const renewalLimitMs = 3_000;

/** Outcomes, take-overs and renewals that meet in the store. */
export const bucketRaceCases: readonly OutboxRepositoryCase[] = [
  {
    id: "outbox.buckets.race",
    title: "when an outcome races with a take-over, an event is either completed or read by the new owner, never both",
    guarantee: "G5",
    requires: ["ownedBuckets"],
    async run(harness, features) {
      const [slow, quick] = [openBuckets(harness, features), openBuckets(harness, features)];
      for (let round = 0; round < 15; round += 1) {
        const { fence } = await slow.own(2);
        const refs = [...(await slow.add(0, 10)), ...(await slow.add(1, 10))];
        await harness.advanceTime(takeOverMs);
        const takeOver = async () => {
          const taken = await quick.own(2);
          return { ...taken, rows: await readBothWays(quick, requestFor(from(...bucketsOf(taken.acquired)))) };
        };
        const [{ missing }, successor] = await Promise.all([slow.repository.recordCompleted(fence, refs), takeOver()]);
        // A bucket that the outcome held was passed over: what was in it is completed, and it is acquired later.
        assert.deepEqual(seqsOf(successor.rows), seqs(bySeq(missing)), "an event went to both, or to neither");
        assert.deepEqual((await quick.repository.recordCompleted(successor.fence, missing)).missing, []);
        assert.deepEqual(await readBothWays(quick, requestFor(from(0, 1))), [], "an event remained");
        await quick.buckets.release(successor.fence);
        await slow.buckets.release(fence);
      }
    },
  },
  ...fencedWrites.map(takenOverWhileWaiting),
  {
    id: "outbox.buckets.renew-during-outcome",
    title: "a renewal does not wait for an outcome of the bucket that waits for a locked event",
    guarantee: "G5",
    requires: ["ownedBuckets", "rowLocks", "concurrentTransactions"],
    async run(harness, features) {
      const [scenario, renewer] = [openBuckets(harness, features), openBuckets(harness, features)];
      const { fence } = await scenario.own(1);
      const refs = await scenario.add(0, 2);
      const { recording } = await behindLock(harness, refs[1], async () => {
        const begun = scenario.repository.recordCompleted(fence, refs);
        await meanwhile(renewer);
        const renewing = renewer.buckets.renew(fence, bucketLeaseMs);
        const { held } = await settlesWithin(renewing, renewalLimitMs, "a renewal beside a waiting outcome");
        assert.deepEqual(held, [0]);
        return { recording: begun };
      });
      assert.deepEqual((await recording).missing, []);
    },
  },
];

/**
 * An outcome waits for the row of an event while another owner wants the bucket. Whether the take-over passes over the bucket,
 * waits, or gets it: no write of the old owner may follow it.
 */
function takenOverWhileWaiting({ name, write }: FencedWrite): OutboxRepositoryCase {
  return {
    id: `outbox.buckets.locked-${name}`,
    title: `"${name}" that waits for a locked event is not written once another owner has the bucket`,
    guarantee: "G5",
    requires: ["ownedBuckets", "rowLocks", "concurrentTransactions"],
    async run(harness, features) {
      const [old, next] = [openBuckets(harness, features), openBuckets(harness, features)];
      const { fence } = await old.own(1);
      // Starts are recorded one event at a time.
      const refs = await old.add(0, name === "started" ? 1 : 3);
      await harness.advanceTime(takeOverMs);
      const { recording, acquiring, tookOver } = await behindLock(harness, refs.at(-1), async () => {
        let acquired: readonly number[] = [];
        const begun = write(old, fence, refs);
        await meanwhile(next);
        const taking = next.own(1).then((taken) => {
          acquired = bucketsOf(taken.acquired);
        });
        await meanwhile(next);
        // Answered while the outcome cannot have ended: what it writes now comes after the take-over.
        return { recording: begun, acquiring: taking, tookOver: acquired.includes(0) };
      });
      const [{ missing }] = await Promise.all([recording, acquiring]);
      if (tookOver) assert.deepEqual(bySeq(missing), bySeq(refs), "an outcome followed the take-over");
      for (const { id, seq } of refs) {
        const event = await next.repository.findById(id);
        const isUntouched = event !== null && event.startedAttempts === 0 && event.lastError === null;
        const isMissing = missing.some((ref) => ref.seq === seq);
        assert.equal(isUntouched, isMissing, "what was reported and what was written do not agree");
      }
    },
  };
}

/** Runs `work` while another transaction holds the event's row. It answers promises in an object, so that they are not awaited. */
async function behindLock<Result extends object>(
  harness: OutboxRepositoryHarness<unknown>,
  ref: EventRef | undefined,
  work: () => Promise<Result>,
): Promise<Result> {
  return harness.transaction(async (tx) => {
    assert.ok(harness.lockEvent && ref, "the harness declares rowLocks and has no lockEvent");
    await harness.lockEvent(tx, ref.id);
    return work();
  });
}

/** Gives a statement that was begun before time to reach the store. */
async function meanwhile({ repository }: BucketScenario): Promise<void> {
  for (let turn = 0; turn < roundTrips; turn += 1) await repository.findDue({ limit: 1 });
}
