import { z } from "zod";
import { defaults } from "../defaults.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import { objectWith, validateOptions } from "../errors/validate-options.js";
import type { OutboxEvent } from "../events/outbox-event.js";
import type { OutboxEventDraft } from "../events/outbox-event-draft.js";
import { partitionBucket } from "../events/partition-bucket.js";
import type { BucketOperations } from "../protocols/bucket-operations.js";
import { type Clock, systemClock } from "../protocols/clock.js";
import type { EventAdministration } from "../protocols/event-administration.js";
import type { AddedEvent, OutboxEventRepository } from "../protocols/outbox-event-repository.js";
import { createMemoryBucketLeases } from "./memory-bucket-leases.js";
import { createMemoryBucketOperations } from "./memory-bucket-operations.js";
import { createMemoryEventAdministration } from "./memory-event-administration.js";
import { createMemoryEventOperations } from "./memory-event-operations.js";
import { idName, MemoryEventStore, newEventState } from "./memory-event-store.js";
import { type MemoryTransaction, OpenTransaction, openTransactionOf } from "./memory-transaction.js";

/** The client outside a transaction: what it adds is committed at once. */
export interface MemoryClient {
  readonly kind: "memory-client";
}

/** An outbox repository that keeps its events in this process's memory, with a database's rules for transactions. */
export interface MemoryOutboxRepository extends OutboxEventRepository<MemoryTransaction, MemoryClient> {
  /** Ownership of buckets among all workers that are given this repository. */
  readonly buckets: BucketOperations<OutboxEvent>;

  /** What people and maintenance do with the stored events. */
  readonly administration: EventAdministration<OutboxEvent>;

  /** The client outside a transaction, which a strict outbox refuses. */
  readonly client: MemoryClient;

  /**
   * Runs `work` in a transaction that commits when it resolves, and rolls back and rejects with the same error when it rejects.
   *
   * Any number can be open at once. An `add` waits for other open transactions that hold the same id or idempotency key.
   *
   * @throws {OmniBoxError} STORE.TRANSACTION_FAILED when `work` resolved although a statement in it had failed.
   */
  transaction<Result>(work: (tx: MemoryTransaction) => Promise<Result>): Promise<Result>;

  /** Every stored event in `seq` order, whatever its status, as it is now. */
  all(): readonly OutboxEvent[];
}

/** Options of {@link createMemoryOutboxRepository}. */
export interface MemoryOutboxRepositoryOptions {
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined;
  /** What becomes of a published event; default `"delete"`. */
  readonly onPublished?: "delete" | "keep" | undefined;
  /** Default 64. */
  readonly bucketCount?: number | undefined;
}

const repositoryOptions = z.strictObject({
  clock: objectWith<Clock>("a clock", "now", "monotonicMs", "schedule").default(systemClock),
  onPublished: z.enum(["delete", "keep"]).default("delete"),
  bucketCount: z.int().min(1).max(32_767).default(defaults.bucketCount),
});

/**
 * Creates an empty in-memory outbox repository for tests and demos. It passes the same conformance cases as the real ones.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function createMemoryOutboxRepository(options: MemoryOutboxRepositoryOptions = {}): MemoryOutboxRepository {
  const { clock, onPublished, bucketCount } = validateOptions(
    "createMemoryOutboxRepository",
    repositoryOptions,
    options,
  );
  const store = new MemoryEventStore<OutboxEvent>(uniqueNames);
  const leases = createMemoryBucketLeases(clock, bucketCount);
  const { record, isFenced, ...operations } = createMemoryEventOperations(
    store,
    clock,
    onPublished,
    (fence, { bucket }) => leases.holds(fence, bucket),
  );
  const buckets = createMemoryBucketOperations(store, clock, leases, { record });
  const administration = createMemoryEventAdministration(store, clock, () => [leases]);
  const client: MemoryClient = Object.freeze({ kind: "memory-client" });

  async function transaction<Result>(work: (tx: MemoryTransaction) => Promise<Result>): Promise<Result> {
    const open = new OpenTransaction();
    try {
      const result = await work(open.tx);
      open.commit();
      return result;
    } finally {
      open.rollback();
    }
  }

  async function add(
    given: MemoryTransaction | MemoryClient,
    drafts: readonly OutboxEventDraft[],
  ): Promise<readonly AddedEvent[]> {
    if (given === client) return transaction((tx) => add(tx, drafts));
    const open = openTransactionOf(given);
    if (open === null) throw unknownClient();
    return store.whenFree(drafts.flatMap(uniqueNames), open, () => drafts.map((draft) => insert(draft, open)));
  }

  function insert(draft: OutboxEventDraft, open: OpenTransaction): AddedEvent {
    const isTaken = uniqueNames(draft).some((name) => store.find(name, open) !== undefined);
    if (isTaken) return { id: draft.id, seq: null, duplicate: true };
    const { schema: _notStored, ...stored } = draft;
    const seq = store.nextSeq();
    store.insert(
      { ...stored, ...newEventState(clock), seq, bucket: partitionBucket(draft.partitionKey, bucketCount) },
      open,
    );
    return { id: draft.id, seq, duplicate: false };
  }

  return Object.freeze({
    ...operations,
    buckets,
    administration,
    client,
    transaction,
    add,
    all: () => store.events(),
    isTransaction: (given: MemoryTransaction | MemoryClient) => openTransactionOf(given) !== null,
  });
}

function uniqueNames({ id, idempotencyKey }: Pick<OutboxEvent, "id" | "idempotencyKey">): string[] {
  return idempotencyKey === null ? [idName(id)] : [idName(id), `idempotency key ${idempotencyKey}`];
}

function unknownClient(): OmniBoxError {
  return new OmniBoxError(
    "CONFIG.TRANSACTION_REQUIRED",
    "the memory repository was given something else than a transaction in memory: use repository.transaction(…)",
  );
}
