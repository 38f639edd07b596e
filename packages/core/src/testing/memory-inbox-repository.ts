import { z } from "zod";
import { defaults } from "../defaults.js";
import { isOmniBoxError, OmniBoxError } from "../errors/omni-box-error.js";
import { milliseconds, objectWith, validateOptions } from "../errors/validate-options.js";
import type { InboxEvent } from "../events/inbox-event.js";
import type { InboxEventDraft } from "../events/inbox-event-draft.js";
import type { KeySequence } from "../events/key-sequence.js";
import { partitionBucket } from "../events/partition-bucket.js";
import { copyPlainJson } from "../events/plain-json.js";
import { withinTime } from "../internal/within-time.js";
import { type Clock, systemClock } from "../protocols/clock.js";
import type { EventAdministration } from "../protocols/event-administration.js";
import type { EventRef } from "../protocols/event-repository.js";
import type { Fence } from "../protocols/fence.js";
import type {
  InboxEventRepository,
  InboxRow,
  InboxTransaction,
  InboxTransactionOptions,
  InsertOptions,
  StoredMessage,
} from "../protocols/inbox-event-repository.js";
import { createMemoryBucketLeases, type MemoryBucketLeases } from "./memory-bucket-leases.js";
import { createMemoryBucketOperations } from "./memory-bucket-operations.js";
import { createMemoryEventAdministration } from "./memory-event-administration.js";
import { completion, createMemoryEventOperations } from "./memory-event-operations.js";
import { firstRecord } from "./memory-event-record.js";
import { idName, MemoryEventStore, newEventState, rowName } from "./memory-event-store.js";
import { createMemoryKeySequences } from "./memory-key-sequences.js";
import { type MemoryTransaction, OpenTransaction } from "./memory-transaction.js";

/**
 * An inbox repository that keeps its events in this process's memory, with a database's rules for transactions.
 *
 * A handler's transaction is a {@link MemoryTransaction}: its `onCommit` takes the handler's effects, its `fail` is a failing
 * statement, and any in-memory outbox adds events to it.
 */
export interface MemoryInboxRepository extends InboxEventRepository<MemoryTransaction> {
  /** What people and maintenance do with the stored events. */
  readonly administration: EventAdministration<InboxEvent>;

  /** Every stored event in `seq` order, whatever its status, as it is now. */
  all(): readonly InboxEvent[];
}

/** Options of {@link createMemoryInboxRepository}. */
export interface MemoryInboxRepositoryOptions {
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined;
  /** Default 64. */
  readonly bucketCount?: number | undefined;
  /** How long a statement waits for a transaction that holds the same message; default 5,000 ms. */
  readonly lockTimeoutMs?: number | undefined;
}

const repositoryOptions = z.strictObject({
  clock: objectWith<Clock>("a clock", "now", "monotonicMs", "schedule").default(systemClock),
  bucketCount: z.int().min(1).max(32_767).default(defaults.bucketCount),
  lockTimeoutMs: milliseconds(1).default(5_000),
});

/**
 * Creates an empty in-memory inbox repository for tests and demos. It passes the same conformance cases as the real ones.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function createMemoryInboxRepository(options: MemoryInboxRepositoryOptions = {}): MemoryInboxRepository {
  const { clock, bucketCount, lockTimeoutMs } = validateOptions(
    "createMemoryInboxRepository",
    repositoryOptions,
    options,
  );
  const store = new MemoryEventStore<InboxEvent>(uniqueNames, { clock, timeoutMs: lockTimeoutMs });
  const groups = new Map<string, MemoryBucketLeases>();
  const { record, isFenced, ...operations } = createMemoryEventOperations(
    store,
    clock,
    "keep",
    (fence, { consumerGroup, bucket }) => leasesOf(consumerGroup).holds(fence, bucket),
  );

  function leasesOf(consumerGroup: string): MemoryBucketLeases {
    const leases = groups.get(consumerGroup) ?? createMemoryBucketLeases(clock, bucketCount);
    groups.set(consumerGroup, leases);
    return leases;
  }

  const raiseSequences = createMemoryKeySequences(store);

  function insertRow(row: InboxRow, open: OpenTransaction): StoredMessage {
    const { draft } = row;
    const seq = store.nextSeq();
    const bucket = partitionBucket(draft.partitionKey, bucketCount);
    const state = stateOf(row, clock);
    store.insert({ ...storable(draft), ...state, idempotencyKey: null, scheduledAt: null, seq, bucket }, open);
    open.atCommit(() => store.note(seq, firstRecord(state)));
    return { kind: "stored", id: draft.id };
  }

  function storeRow(row: InboxRow, open: OpenTransaction, isBlocked = false): StoredMessage {
    const existing = store.find(messageName(row.draft), open);
    if (existing !== undefined) return { kind: "duplicate", id: existing.id, status: existing.status };
    return isBlocked ? { kind: "blocked" } : insertRow(row, open);
  }

  function isBehindPending({ consumerGroup, partitionKey }: InboxEventDraft): boolean {
    const isOfSameKey = (event: InboxEvent) =>
      event.consumerGroup === consumerGroup && event.partitionKey === partitionKey;
    return store.pending().some(isOfSameKey);
  }

  function statementsOf(open: OpenTransaction): InboxTransaction<MemoryTransaction> {
    return Object.freeze<InboxTransaction<MemoryTransaction>>({
      client: open.tx,
      insertCompleted: (drafts: readonly InboxEventDraft[], { behindPending }: InsertOptions) =>
        store.whenFree(drafts.map(messageName), open, () =>
          drafts.map((draft) => {
            const isBlocked = behindPending === "leave" && isBehindPending(draft);
            return storeRow(completedRow(draft), open, isBlocked);
          }),
        ),
      raiseSequences: (sequences: readonly KeySequence[]) => raiseSequences(sequences, open),
      complete: (fence: Fence, { seq }: EventRef) =>
        store.whenFree([rowName(seq)], open, () => {
          const event = store.event(seq);
          if (event === undefined || !isFenced(event, fence)) return false;
          // Nobody else changes the row before this transaction has ended.
          store.lock(rowName(seq), open);
          if (fence.kind === "buckets") open.atRelease(leasesOf(event.consumerGroup).lock(event.bucket));
          open.atCommit(() => store.update(event, completion(clock)));
          return true;
        }),
    });
  }

  async function transaction<Result>(
    work: (tx: InboxTransaction<MemoryTransaction>) => Promise<Result>,
    { timeoutMs }: InboxTransactionOptions,
  ): Promise<Result> {
    const open = new OpenTransaction();
    try {
      const result = await withinTime(work(statementsOf(open)), clock, timeoutMs, () => handlerTimeout(timeoutMs));
      open.commit();
      return result;
    } catch (error) {
      // Whether the work noticed or not: it went on after a statement had failed.
      throw open.status === "aborted" && isOmniBoxError(error, "STORE.TRANSACTION_FAILED") ? aborted() : error;
    } finally {
      open.rollback();
    }
  }

  const leasesOfGroups = (consumerGroup: string | undefined) =>
    consumerGroup === undefined ? [...groups.values()] : [leasesOf(consumerGroup)];

  return Object.freeze({
    ...operations,
    administration: createMemoryEventAdministration(store, clock, leasesOfGroups),
    bucketsOf: (consumerGroup: string) =>
      createMemoryBucketOperations(
        store,
        clock,
        leasesOf(consumerGroup),
        { record },
        (event) => event.consumerGroup === consumerGroup,
      ),
    transaction,
    all: () => store.events(),

    async store(rows: readonly InboxRow[]) {
      const open = new OpenTransaction();
      try {
        const names = rows.map(({ draft }) => messageName(draft));
        const stored = await store.whenFree(names, open, () => rows.map((row) => storeRow(row, open)));
        open.commit();
        return stored;
      } finally {
        open.rollback();
      }
    },
    recordStarted: (fence: Fence, row: EventRef, startedAttempts: number) =>
      record(fence, [row], (stored) => void store.update(stored, { startedAttempts })),
  });
}

function messageName({ messageId, consumerGroup }: Pick<InboxEvent, "messageId" | "consumerGroup">): string {
  return `message ${JSON.stringify([messageId, consumerGroup])}`;
}

function uniqueNames(event: InboxEvent): string[] {
  return [idName(event.id), messageName(event)];
}

/** A copy of its own, so that nobody changes what is stored. */
function storable(draft: InboxEventDraft): InboxEventDraft {
  const { body, headers } = draft;
  const payload = copyPlainJson("payload", draft.payload);
  if (!payload.ok) {
    const message = `the payload of message ${draft.messageId} cannot be stored: it is no plain JSON`;
    throw new OmniBoxError("STORE.DATA_ERROR", message);
  }
  return {
    ...draft,
    payload: payload.value,
    headers: Object.freeze({ ...headers }),
    body: body === null ? null : Uint8Array.from(body),
  };
}

function completedRow(draft: InboxEventDraft): InboxRow {
  return { draft, status: "completed", attemptsMade: 0, startedAttempts: 0, delayMs: null, error: null };
}

function stateOf({ draft, status, attemptsMade, startedAttempts, delayMs, error }: InboxRow, clock: Clock) {
  const now = clock.now();
  return {
    ...newEventState(clock),
    status,
    attemptsMade: Math.min(attemptsMade, draft.maxAttempts),
    startedAttempts,
    lastError: error,
    nextAttemptAt: delayMs === null ? null : new Date(now + delayMs),
    completedAt: status === "completed" ? new Date(now) : null,
  };
}

function aborted(): OmniBoxError {
  return new OmniBoxError(
    "INBOX.TRANSACTION_ABORTED",
    "a statement of the transaction had failed and the handler went on: let the error out of the handler",
  );
}

function handlerTimeout(timeoutMs: number): OmniBoxError {
  return new OmniBoxError(
    "INBOX.HANDLER_TIMEOUT",
    `the transaction took longer than ${timeoutMs} ms and was rolled back`,
  );
}
