import assert from "node:assert/strict";
import type { BucketReadRequest } from "@omni-box/core";
import type { OutboxRepositoryCase } from "../outbox-repository-case.js";
import { from, readBothWays, requestFor, seqs, seqsOf } from "./bucket-reads.js";
import { type BucketScenario, keysOfBucket, openBuckets } from "./bucket-scenario.js";

const requires = ["ownedBuckets"] as const;

/** What is left out of a read. What is left out never counts for a limit. */
export const narrowingCases: readonly OutboxRepositoryCase[] = [
  {
    id: "outbox.buckets.read-except-seqs",
    title: "events in hand are left out and leave their places in the limits to others",
    requires,
    async run(harness, features) {
      const scenario = openBuckets(harness, features);
      const [a, b] = [seqs(await scenario.add(0, 6)), seqs(await scenario.add(1, 2))];
      const inHand = [a[0], a[2], b[0]].flatMap((seq) => seq ?? []);
      const rest = [a[1], a[3], a[4], a[5], b[1]];
      assert.deepEqual(seqsOf(await readBothWays(scenario, requestFor(from(0, 1), { exceptSeqs: inHand }))), rest);
      await assertLimited(scenario, { exceptSeqs: inHand }, rest);
    },
  },
  {
    id: "outbox.buckets.read-except-keys",
    title: "events of keys that wait are left out and leave their places in the limits to others",
    guarantee: "G4",
    requires,
    async run(harness, features) {
      const scenario = openBuckets(harness, features);
      const count = await scenario.bucketCount();
      const [waiting = "", free = ""] = keysOfBucket(0, count, 2);
      const [otherWaiting = ""] = keysOfBucket(1, count, 1);
      await scenario.add(0, 3, { partitionKey: waiting });
      const first = await scenario.add(0, 2, { partitionKey: free });
      await scenario.add(0, 1, { partitionKey: waiting });
      const last = await scenario.add(0, 3, { partitionKey: free });
      await scenario.add(1, 1, { partitionKey: otherWaiting });
      const exceptKeys = [waiting, otherWaiting];
      const rest = seqs([...first, ...last]);
      assert.deepEqual(seqsOf(await readBothWays(scenario, requestFor(from(0, 1), { exceptKeys }))), rest);
      await assertLimited(scenario, { exceptKeys }, rest);
    },
  },
];

/** A limit of two, for the first bucket and then for all, gives the first two of what is left. */
async function assertLimited(
  scenario: BucketScenario,
  narrowing: Partial<BucketReadRequest>,
  rest: readonly (bigint | undefined)[],
): Promise<void> {
  const ofBucket = [{ bucket: 0, afterSeq: 0n, limit: 2 }];
  assert.deepEqual(seqsOf(await readBothWays(scenario, requestFor(ofBucket, narrowing))), rest.slice(0, 2));
  const ofAll = requestFor(from(0, 1), { ...narrowing, limit: 2 });
  assert.deepEqual(seqsOf(await readBothWays(scenario, ofAll)), rest.slice(0, 2));
}
