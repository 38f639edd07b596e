import assert from "node:assert/strict";
import type { FailedHead, HeadState } from "@omni-box/core";
import type { OutboxRepositoryCase } from "../outbox-repository-case.js";
import { backOff, giveUp } from "./bucket-reads.js";
import { keysOfBucket, openBuckets } from "./bucket-scenario.js";

const requires = ["ownedBuckets"] as const;

/** What keys wait for. */
export const headCases: readonly OutboxRepositoryCase[] = [
  {
    id: "outbox.buckets.head-states",
    title: "of each event that is asked for, it is told whether it is due, backs off or has failed",
    guarantee: "G4",
    requires,
    async run(harness, features) {
      const scenario = openBuckets(harness, features);
      const held = await scenario.own(2);
      const [due, backsOff, failed] = await scenario.add(0, 3);
      const [other, unasked] = await scenario.add(1, 2);
      if (!due || !backsOff || !failed || !other || !unasked) return assert.fail("five events were added");
      await backOff(scenario, held, [backsOff, other, unasked]);
      await giveUp(scenario, held, [failed]);
      const asked = [other, failed, backsOff, due].map(({ seq }) => seq);
      const expected: HeadState[] = [
        { seq: due.seq, state: "due" },
        { seq: backsOff.seq, state: "backingOff" },
        { seq: failed.seq, state: "failed" },
        { seq: other.seq, state: "backingOff" },
      ];
      assert.deepEqual(bySeq(await scenario.buckets.headStates(asked)), expected);
      assert.deepEqual(await scenario.buckets.headStates([]), []);
      await harness.advanceTime(301_000);
      const states = bySeq(await scenario.buckets.headStates([backsOff.seq, failed.seq]));
      assert.deepEqual(
        states.map(({ state }) => state),
        ["due", "failed"],
      );
    },
  },
  headStatesOfEnded("deleted", "delete", []),
  headStatesOfEnded("kept", "keep", ["keepPublished"]),
  {
    id: "outbox.buckets.failed-heads",
    title: "of each key in the buckets its earliest failed event is told, whatever of the key is pending",
    guarantee: "G4",
    requires,
    async run(harness, features) {
      const scenario = openBuckets(harness, features);
      const held = await scenario.own(3);
      const [a = "", b = "", sound = ""] = keysOfBucket(0, await scenario.bucketCount(), 3);
      const [c = ""] = keysOfBucket(2, await scenario.bucketCount(), 1);
      const ofA = await scenario.add(0, 4, { partitionKey: a });
      const ofB = await scenario.add(0, 2, { partitionKey: b });
      await scenario.add(0, 1, { partitionKey: sound });
      const ofC = await scenario.add(2, 1, { partitionKey: c });
      const elsewhere = await scenario.add(1, 1);
      await giveUp(scenario, held, [...ofA.slice(1, 3), ...ofB.slice(0, 1), ...ofC, ...elsewhere]);
      const heads: FailedHead[] = [
        { bucket: 0, partitionKey: a, seq: ofA[1]?.seq ?? 0n },
        { bucket: 0, partitionKey: b, seq: ofB[0]?.seq ?? 0n },
        { bucket: 2, partitionKey: c, seq: ofC[0]?.seq ?? 0n },
      ];
      assert.deepEqual(bySeq(await scenario.buckets.failedHeads([2, 0])), heads);
      assert.deepEqual(await scenario.buckets.failedHeads([2]), heads.slice(2));
      assert.deepEqual(await scenario.buckets.failedHeads([3]), [], "a bucket without failed events");
      assert.deepEqual(await scenario.buckets.failedHeads([]), []);
    },
  },
  {
    id: "outbox.buckets.failed-heads-only",
    title: "events that wait, back off or were completed are no failed heads",
    requires: ["ownedBuckets", "keepPublished"],
    async run(harness, features) {
      const scenario = openBuckets(harness, features, { onPublished: "keep" });
      const held = await scenario.own(1);
      const refs = await scenario.add(0, 3);
      await backOff(scenario, held, refs.slice(0, 1));
      await scenario.repository.recordCompleted(held.fence, refs.slice(1, 2));
      assert.deepEqual(await scenario.buckets.failedHeads([0]), []);
    },
  },
];

function headStatesOfEnded(
  what: string,
  onPublished: "delete" | "keep",
  features: readonly "keepPublished"[],
): OutboxRepositoryCase {
  return {
    id: `outbox.buckets.head-states-${what}`,
    title: `an event that was completed and ${what}, or never was, has no state`,
    guarantee: "G4",
    requires: [...requires, ...features],
    async run(harness, declared) {
      const scenario = openBuckets(harness, declared, { onPublished });
      const { fence } = await scenario.own(1);
      const [completed, pending] = await scenario.add(0, 2);
      if (!completed || !pending) return assert.fail("two events were added");
      await scenario.repository.recordCompleted(fence, [completed]);
      const asked = [completed.seq, pending.seq, pending.seq + 1_000_000n];
      assert.deepEqual(await scenario.buckets.headStates(asked), [{ seq: pending.seq, state: "due" }]);
    },
  };
}

function bySeq<Row extends { readonly seq: bigint }>(rows: readonly Row[]): Row[] {
  return [...rows].sort((a, b) => (a.seq < b.seq ? -1 : 1));
}
