import { z } from "zod";
import { defaults } from "../defaults.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import { objectWith, validateOptions } from "../errors/validate-options.js";
import type { OutboxEvent } from "../events/outbox-event.js";
import type { OutboxEventDraft } from "../events/outbox-event-draft.js";
import { type Clock, systemClock } from "../protocols/clock.js";
import type {
  ClaimRequest,
  DueQuery,
  EventRef,
  FailedRow,
  FetchFilters,
  LeaseRequest,
  OutcomeReceipt,
  PendingRow,
} from "../protocols/event-repository.js";
import type { Fence, LeaseFence } from "../protocols/fence.js";
import type { AddedEvent, OutboxEventRepository } from "../protocols/outbox-event-repository.js";
import { createLease, dueAtMs, isDue, isLeased, type MemoryEventRow, readRow } from "./memory-event-row.js";
import { MemoryEventStore, MemoryTransactionState } from "./memory-event-store.js";

/** A transaction of {@link MemoryOutboxRepository.transaction}. */
export interface MemoryTransaction {
  readonly kind: "memory-transaction";
}

/** The client outside a transaction: what it adds is committed at once. */
export interface MemoryClient {
  readonly kind: "memory-client";
}

/** An outbox repository that keeps its events in this process's memory, with a database's rules for transactions. */
export interface MemoryOutboxRepository extends OutboxEventRepository<MemoryTransaction, MemoryClient> {
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
  const store = new MemoryEventStore(clock, bucketCount);
  const transactions = new WeakMap<object, MemoryTransactionState>();
  const client: MemoryClient = Object.freeze({ kind: "memory-client" });

  async function transaction<Result>(work: (tx: MemoryTransaction) => Promise<Result>): Promise<Result> {
    const tx: MemoryTransaction = Object.freeze({ kind: "memory-transaction" });
    const state = new MemoryTransactionState();
    transactions.set(tx, state);
    try {
      const result = await work(tx);
      store.commit(state);
      return result;
    } finally {
      if (state.status !== "ended") store.rollback(state);
    }
  }

  async function add(
    given: MemoryTransaction | MemoryClient,
    drafts: readonly OutboxEventDraft[],
  ): Promise<readonly AddedEvent[]> {
    if (given === client) return transaction((tx) => add(tx, drafts));
    const state = transactions.get(given);
    if (state === undefined) throw unknownClient();
    return store.insert(state, drafts);
  }

  function dueRows({ limit, filters }: DueQuery): MemoryEventRow[] {
    const nowMs = clock.now();
    const due = store.rows().filter((row) => isDue(row, nowMs) && matches(row, filters));
    const longestDue = due.sort((a, b) => dueAtMs(a) - dueAtMs(b)).slice(0, limit);
    return longestDue.sort((a, b) => (a.seq < b.seq ? -1 : 1));
  }

  function takeLease(row: MemoryEventRow, { token, workerId, leaseMs }: LeaseRequest): OutboxEvent {
    row.lease = createLease(token, workerId, clock.now() + leaseMs);
    return readRow(row);
  }

  /** One outcome statement: changes the rows that the fence still holds and reports the others. */
  function record<Row extends EventRef>(
    fence: Fence,
    rows: readonly Row[],
    change: (stored: MemoryEventRow, given: Row) => void,
  ): OutcomeReceipt {
    const missing: EventRef[] = [];
    for (const given of rows) {
      const stored = store.row(given.seq);
      if (stored?.status === "pending" && stored.lease?.token === fence.token) change(stored, given);
      else missing.push({ id: given.id, seq: given.seq });
    }
    return { missing };
  }

  function complete(stored: MemoryEventRow): void {
    if (onPublished === "delete") {
      store.delete(stored);
      return;
    }
    stored.status = "completed";
    stored.completedAt = new Date(clock.now());
    stored.nextAttemptAt = null;
    stored.lease = null;
  }

  function keepPending(stored: MemoryEventRow, given: PendingRow): void {
    stored.attemptsMade = Math.min(given.attemptsMade, stored.maxAttempts);
    stored.nextAttemptAt = given.delayMs === null ? null : new Date(clock.now() + given.delayMs);
    stored.lastError = given.error ?? stored.lastError;
    stored.lease = null;
  }

  function fail(stored: MemoryEventRow, given: FailedRow): void {
    stored.status = "failed";
    stored.attemptsMade = Math.min(given.attemptsMade, stored.maxAttempts);
    stored.nextAttemptAt = null;
    stored.lastError = given.error;
    stored.lease = null;
  }

  return Object.freeze({
    capabilities: Object.freeze({ leasedClaim: true, bulkOutcomes: true }),
    client,
    transaction,
    add,
    all: () => store.rows().map(readRow),
    isTransaction: (given: MemoryTransaction | MemoryClient) => transactions.has(given),
    verify: async () => [],

    async findById(id: string) {
      const row = store.rowById(id);
      return row === undefined ? null : readRow(row);
    },
    findDue: async (query: DueQuery) => dueRows(query).map(readRow),
    claim: async (request: ClaimRequest) => dueRows(request).map((row) => takeLease(row, request)),

    async lock(id: string, lease: LeaseRequest) {
      const row = store.rowById(id);
      if (row?.status !== "pending" || isLeased(row, clock.now())) return null;
      return takeLease(row, lease);
    },
    async extendLease(fence: LeaseFence, rows: readonly EventRef[], leaseMs: number) {
      const untilMs = clock.now() + leaseMs;
      return record(fence, rows, (stored) => {
        if (stored.lease !== null) stored.lease = { ...stored.lease, until: new Date(untilMs) };
      });
    },
    async forceUnlock(id: string, reason: string) {
      const row = store.rowById(id);
      if (row?.status !== "pending") return null;
      row.lease = null;
      row.lastError = reason;
      return readRow(row);
    },

    recordCompleted: async (fence: Fence, rows: readonly EventRef[]) => record(fence, rows, complete),
    recordPending: async (fence: Fence, rows: readonly PendingRow[]) => record(fence, rows, keepPending),
    recordFailed: async (fence: Fence, rows: readonly FailedRow[]) => record(fence, rows, fail),
  });
}

function unknownClient(): OmniBoxError {
  return new OmniBoxError(
    "CONFIG.TRANSACTION_REQUIRED",
    "the memory repository was given something else than one of its own transactions: use repository.transaction(…)",
  );
}

function matches(row: MemoryEventRow, filters: FetchFilters | undefined): boolean {
  const { topics, types, aggregateTypes } = filters ?? {};
  return (
    (topics === undefined || topics.includes(row.topic)) &&
    (types === undefined || types.includes(row.type)) &&
    (aggregateTypes === undefined || aggregateTypes.includes(row.aggregateType))
  );
}
