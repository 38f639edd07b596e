import {
  type AcquireRequest,
  type BucketFence,
  type BucketOperations,
  type EventRef,
  type Fence,
  type OutboxEvent,
  type OutboxEventRepository,
  partitionBucket,
} from "@omni-box/core";
import { createPrismaOutboxRepository } from "@omni-box/prisma";
import type { TestDatabase } from "./open-test-database.js";
import { sampleEvent } from "./sample-event.js";

/** A worker with connections of its own that owns buckets. */
export interface BucketWorker {
  readonly owner: string;
  readonly repository: OutboxEventRepository<never>;
  readonly buckets: BucketOperations<OutboxEvent>;
  acquire(limit: number, request?: Partial<AcquireRequest>): Promise<BucketFence>;
  /** The numbers of the pending events in the buckets that it finds first, in the order in which it reads them. */
  read(...buckets: number[]): Promise<bigint[]>;
}

export interface BucketWorkerOptions {
  readonly connections?: number;
  readonly onPublished?: "delete" | "keep";
  readonly statementTimeoutMs?: number;
  readonly logQueries?: (sql: string) => void;
}

let workers = 0;

export function startBucketWorker(database: TestDatabase, options: BucketWorkerOptions = {}): BucketWorker {
  const { connections = 3, logQueries, ...repositoryOptions } = options;
  const client = database.connect({ connections, ...(logQueries && { logQueries }) });
  const repository = createPrismaOutboxRepository(client, { schema: database.schema, ...repositoryOptions });
  const { buckets } = repository;
  if (buckets === undefined) throw new Error("the repository has no buckets");
  workers += 1;
  const owner = `worker ${workers}`;
  return {
    owner,
    repository,
    buckets,
    async acquire(limit, request = {}) {
      const acquired = await buckets.acquire({ owner, leaseMs: 60_000, graceMs: 0, limit, ...request });
      return { kind: "buckets", owner, epochs: new Map(acquired.map(({ bucket, epoch }) => [bucket, epoch])) };
    },
    async read(...numbers) {
      const from = numbers.map((bucket) => ({ bucket, afterSeq: 0n, limit: 1_000 }));
      const { rows } = await buckets.read({ from, limit: 1_000, exceptSeqs: [], exceptKeys: [] });
      return rows.map(({ event }) => event.seq);
    },
  };
}

/** Adds `count` events whose key is in the bucket. */
export async function addToBucket(database: TestDatabase, bucket: number, count: number): Promise<EventRef[]> {
  const repository = createPrismaOutboxRepository(database.prisma, { schema: database.schema });
  let key = 0;
  while (partitionBucket(`key ${key}`, 64) !== bucket) key += 1;
  const drafts = Array.from({ length: count }, () => sampleEvent({ partitionKey: `key ${key}` }));
  const added = await database.prisma.$transaction((tx) => repository.add(tx, drafts));
  return added.map(({ id, seq }) => {
    if (seq === null) throw new Error("an event was not added");
    return { id, seq };
  });
}

/** An outcome of each kind. */
export const outcomes = {
  completed: (worker: BucketWorker, fence: Fence, rows: readonly EventRef[]) =>
    worker.repository.recordCompleted(fence, rows),
  pending: (worker: BucketWorker, fence: Fence, rows: readonly EventRef[]) =>
    worker.repository.recordPending(
      fence,
      rows.map((row) => ({ ...row, attemptsMade: 1, startedAttempts: 0, delayMs: 60_000, error: "refused" })),
    ),
  failed: (worker: BucketWorker, fence: Fence, rows: readonly EventRef[]) =>
    worker.repository.recordFailed(
      fence,
      rows.map((row) => ({ ...row, attemptsMade: 1, error: "given up" })),
    ),
} as const;

export type OutcomeKind = keyof typeof outcomes;
