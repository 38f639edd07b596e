import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import {
  type AcquiredBucket,
  type BucketFence,
  type BucketOperations,
  type EventRef,
  type OutboxEvent,
  type OutboxEventInput,
  type OutboxEventRepository,
  partitionBucket,
} from "@omni-box/core";
import { caseLeaseMs } from "../../repository/event-scenario.js";
import type {
  HarnessRepositoryOptions,
  OutboxRepositoryFeature,
  OutboxRepositoryHarness,
} from "../outbox-repository-harness.js";
import { openOutbox } from "../outbox-scenario.js";
import { sampleEvent } from "../sample-event.js";

/** How long buckets are leased, and the grace of a take-over: no case runs so long, so only `advanceTime` ends them. */
export const bucketLeaseMs = caseLeaseMs;
export const bucketGraceMs = 60_000;
/** After this a bucket may be taken over. */
export const takeOverMs = bucketLeaseMs + bucketGraceMs + 1_000;

/** What one owner got, and the fence for it. */
export interface Ownership {
  readonly owner: string;
  readonly acquired: readonly AcquiredBucket[];
  readonly fence: BucketFence;
}

/** The steps that cases of owned buckets are written in, over one repository of the harness. */
export interface BucketScenario {
  readonly repository: OutboxEventRepository<unknown>;
  readonly buckets: BucketOperations<OutboxEvent>;
  /** Acquires buckets for an owner; default: all there are, for a new one. */
  own(limit?: number, owner?: string): Promise<Ownership>;
  /** Adds events of the bucket, each of a key of its own unless `fields` names one. */
  add(bucket: number, count: number, fields?: Partial<OutboxEventInput>): Promise<readonly EventRef[]>;
  /** Reads an event that must exist. */
  stored(id: string): Promise<OutboxEvent>;
  bucketCount(): Promise<number>;
}

/** Opens another worker's view of the harness's store. */
export function openBuckets(
  harness: OutboxRepositoryHarness<unknown>,
  features: readonly OutboxRepositoryFeature[],
  options?: HarnessRepositoryOptions,
): BucketScenario {
  const { repository, add, read } = openOutbox(harness, features, options);
  const { buckets } = repository;
  assert.ok(buckets, "ownedBuckets is declared and the repository has no buckets");
  const bucketCount = async () => (await buckets.survey(bucketGraceMs)).bucketCount;
  return {
    repository,
    buckets,
    bucketCount,
    stored: read,
    async own(limit = 32_767, owner = randomUUID()) {
      const acquired = await buckets.acquire({ owner, limit, leaseMs: bucketLeaseMs, graceMs: bucketGraceMs });
      return { owner, acquired, fence: fenceOf(owner, acquired) };
    },
    async add(bucket, count, fields = {}) {
      const { partitionKey: given } = fields;
      const keys =
        given === undefined ? keysOfBucket(bucket, await bucketCount(), count) : Array<string>(count).fill(given);
      const added = await add(keys.map((partitionKey) => sampleEvent({ ...fields, partitionKey })));
      return added.map(({ id, seq }) => ({ id, seq: seq ?? assert.fail("an event was called a duplicate") }));
    },
  };
}

export function fenceOf(owner: string, acquired: readonly AcquiredBucket[]): BucketFence {
  return { kind: "buckets", owner, epochs: new Map(acquired.map(({ bucket, epoch }) => [bucket, epoch])) };
}

/** The fence for some of its buckets. */
export function narrowed({ kind, owner, epochs }: BucketFence, buckets: readonly number[]): BucketFence {
  return { kind, owner, epochs: new Map([...epochs].filter(([bucket]) => buckets.includes(bucket))) };
}

/** A fence that enters a worker without buckets among the living. */
export function fenceOfNothing(owner: string): BucketFence {
  return fenceOf(owner, []);
}

export function bucketsOf(acquired: readonly AcquiredBucket[]): number[] {
  return acquired.map(({ bucket }) => bucket);
}

/** Partition keys that fall into the bucket; the same ones in every call. */
export function keysOfBucket(bucket: number, bucketCount: number, count: number): string[] {
  const keys: string[] = [];
  for (let candidate = 0; keys.length < count; candidate += 1) {
    const key = `key-${candidate}`;
    if (partitionBucket(key, bucketCount) === bucket) keys.push(key);
  }
  return keys;
}
