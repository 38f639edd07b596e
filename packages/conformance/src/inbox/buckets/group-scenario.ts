import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { BucketFence, BucketOperations, EventRef, InboxEvent } from "@omni-box/core";
import { bucketGraceMs, bucketLeaseMs, fenceOf, keysOfBucket } from "../../outbox/buckets/bucket-scenario.js";
import { refOf } from "../../repository/event-scenario.js";
import type { InboxRepositoryFeature, InboxRepositoryHarness } from "../inbox-repository-harness.js";
import { type InboxScenario, openInbox } from "../inbox-scenario.js";
import { sampleMessage } from "../sample-message.js";

/** One consumer group's buckets, over one repository of the harness. */
export interface GroupScenario extends InboxScenario {
  readonly buckets: BucketOperations<InboxEvent>;
  /** Acquires buckets for a new owner; default: all that can be had. */
  own(limit?: number): Promise<BucketFence>;
  /** Stores messages of the bucket as pending, each of a key of its own. */
  add(bucket: number, count: number): Promise<readonly InboxEvent[]>;
}

/** Opens another worker's view of a group. */
export function openGroup(
  harness: InboxRepositoryHarness<unknown>,
  features: readonly InboxRepositoryFeature[],
  consumerGroup: string,
): GroupScenario {
  const inbox = openInbox(harness, features);
  const buckets = inbox.repository.bucketsOf?.(consumerGroup);
  assert.ok(buckets, "ownedBuckets is declared and the repository has no buckets of consumer groups");
  return {
    ...inbox,
    buckets,
    async own(limit = 32_767) {
      const owner = randomUUID();
      return fenceOf(owner, await buckets.acquire({ owner, limit, leaseMs: bucketLeaseMs, graceMs: bucketGraceMs }));
    },
    async add(bucket, count) {
      const { bucketCount } = await buckets.survey(bucketGraceMs);
      const keys = keysOfBucket(bucket, bucketCount, count);
      const drafts = keys.map((partitionKey) => sampleMessage({ consumerGroup, partitionKey }));
      await inbox.storePending(drafts);
      return Promise.all(drafts.map(({ id }) => inbox.read(id)));
    },
  };
}

/** Everything in the buckets. */
export function everythingIn(...buckets: readonly number[]) {
  const from = buckets.map((bucket) => ({ bucket, afterSeq: 0n, limit: 1_000 }));
  return { from, limit: 1_000, exceptSeqs: [], exceptKeys: [] };
}

/** References to the events. */
export function refsOf(events: readonly InboxEvent[]): EventRef[] {
  return events.map(refOf);
}
