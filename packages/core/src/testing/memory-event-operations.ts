import type { BaseEvent, EventLease } from "../events/outbox-event.js";
import type { Clock } from "../protocols/clock.js";
import type {
  ClaimRequest,
  DueQuery,
  EventRef,
  EventRepository,
  FailedRow,
  FetchFilters,
  LeaseRequest,
  OutcomeReceipt,
  PendingRow,
} from "../protocols/event-repository.js";
import type { BucketFence, Fence, LeaseFence } from "../protocols/fence.js";
import { withEntry } from "./memory-event-record.js";
import { bySeq, type EventChanges, type MemoryEventStore, rowName } from "./memory-event-store.js";

/** What outbox and inbox repositories in memory have in common. */
export interface MemoryEventOperations<E extends BaseEvent> extends EventRepository<E> {
  /** Whether an event may be written under the fence. */
  isFenced(event: E, fence: Fence): boolean;

  /** One statement that changes the rows which the fence still holds, and reports the others. */
  record<Row extends EventRef>(
    fence: Fence,
    rows: readonly Row[],
    change: (stored: E, given: Row) => void,
  ): Promise<OutcomeReceipt>;
}

/**
 * Makes the operations on stored events, which are those of {@link EventRepository}.
 *
 * @param holdsBucketOf - whether an event's bucket is still held under a fence; without it there are no buckets to hold
 */
export function createMemoryEventOperations<E extends BaseEvent>(
  store: MemoryEventStore<E>,
  clock: Clock,
  onCompleted: "delete" | "keep",
  holdsBucketOf: ((fence: BucketFence, event: E) => boolean) | null = null,
): MemoryEventOperations<E> {
  function dueEvents(
    { limit, filters, keyHeadsOnly = false }: DueQuery,
    isWanted: (event: E) => boolean = () => true,
  ): E[] {
    const nowMs = clock.now();
    const candidates = keyHeadsOnly ? keyHeadsOf(store.pending()) : store.pending();
    const due = candidates.filter((event) => isDue(event, nowMs) && matches(event, filters) && isWanted(event));
    const longestDue = due.sort((a, b) => dueAtMs(a) - dueAtMs(b)).slice(0, limit);
    return longestDue.sort(bySeq);
  }

  function leaseUntil({ token, workerId, leaseMs }: LeaseRequest): EventLease {
    return Object.freeze({ token, workerId, until: new Date(clock.now() + leaseMs) });
  }

  async function record<Row extends EventRef>(
    fence: Fence,
    rows: readonly Row[],
    change: (stored: E, given: Row) => void,
  ): Promise<OutcomeReceipt> {
    const names = rows.map(({ seq }) => rowName(seq));
    return store.whenFree(names, null, () => {
      const missing: EventRef[] = [];
      for (const given of rows) {
        const stored = store.event(given.seq);
        if (stored !== undefined && isFenced(stored, fence)) change(stored, given);
        else if (isMissing(stored, fence)) missing.push({ id: given.id, seq: given.seq });
      }
      return { missing };
    });
  }

  function isFenced(event: E, fence: Fence): boolean {
    if (fence.kind === "lease") return isHeld(event, fence);
    return event.status === "pending" && holdsBucketOf?.(fence, event) === true;
  }

  /** Of an event that was not written. Under owned buckets one that is not pending any more is nobody's loss. */
  function isMissing(event: E | undefined, fence: Fence): boolean {
    return fence.kind === "lease" || event?.status === "pending";
  }

  function remember({ seq, attemptsMade }: E, what: "retried" | "failed", note: string | null): void {
    const entry = { at: new Date(clock.now()), what, attemptsMade, note };
    store.note(seq, { history: withEntry(store.record(seq).history, entry) });
  }

  /** One statement on a single event that is named by its id. */
  async function changeById(id: string, change: (event: E) => E | null): Promise<E | null> {
    const seq = store.eventById(id)?.seq;
    if (seq === undefined) return null;
    return store.whenFree([rowName(seq)], null, () => {
      const event = store.event(seq);
      return event?.status === "pending" ? change(event) : null;
    });
  }

  return {
    capabilities: Object.freeze({
      leasedClaim: true,
      bulkOutcomes: true,
      keyHeads: true,
      ownedBuckets: holdsBucketOf !== null,
    }),
    record,
    isFenced,
    verify: async () => [],
    findById: async (id: string) => store.eventById(id) ?? null,
    findDue: async (query: DueQuery) => dueEvents(query),

    async claim(request: ClaimRequest) {
      // Like FOR UPDATE SKIP LOCKED: what a transaction is completing is left to it.
      const isFree = ({ seq }: E) => !store.isLocked(rowName(seq));
      return dueEvents(request, isFree).map((event) => {
        const isSuspect = event.lease !== null && event.startedAttempts === 0;
        const startedAttempts = isSuspect ? 1 : event.startedAttempts;
        return store.update(event, { lease: leaseUntil(request), startedAttempts });
      });
    },
    lock: (id: string, lease: LeaseRequest) =>
      changeById(id, (event) =>
        isLeased(event, clock.now()) ? null : store.update(event, { lease: leaseUntil(lease) }),
      ),
    extendLease(fence: LeaseFence, rows: readonly EventRef[], leaseMs: number) {
      return record(fence, rows, (stored) => {
        const workerId = stored.lease?.workerId ?? "";
        store.update(stored, { lease: leaseUntil({ token: fence.token, workerId, leaseMs }) });
      });
    },
    forceUnlock: (id: string, reason: string) =>
      changeById(id, (event) => store.update(event, { lease: null, lastError: reason })),

    recordCompleted: (fence: Fence, rows: readonly EventRef[]) =>
      record(fence, rows, (stored) => {
        if (onCompleted === "delete") store.delete(stored);
        else store.update(stored, completion(clock));
      }),
    recordPending: (fence: Fence, rows: readonly PendingRow[]) =>
      record(fence, rows, (stored, { attemptsMade, startedAttempts, delayMs, error }) => {
        const changed = store.update(stored, {
          ...recorded(stored, attemptsMade),
          startedAttempts,
          nextAttemptAt: delayMs === null ? null : new Date(clock.now() + delayMs),
          lastError: error ?? stored.lastError,
        });
        // A repetition raises no count.
        if (changed.attemptsMade > stored.attemptsMade) remember(changed, "retried", error);
      }),
    recordFailed: (fence: Fence, rows: readonly FailedRow[]) =>
      record(fence, rows, (stored, { attemptsMade, error }) => {
        const changed = store.update(stored, {
          ...recorded(stored, attemptsMade),
          status: "failed",
          lastError: error,
        });
        store.note(changed.seq, { failedAt: new Date(clock.now()) });
        remember(changed, "failed", error);
      }),
  };
}

/** What completing an event changes. */
export function completion(clock: Clock): EventChanges {
  return {
    status: "completed",
    completedAt: new Date(clock.now()),
    nextAttemptAt: null,
    startedAttempts: 0,
    lease: null,
  };
}

/** Whether the lease named by the fence is still on the event, expired or not. */
function isHeld({ status, lease }: BaseEvent, fence: LeaseFence): boolean {
  return status === "pending" && lease?.token === fence.token;
}

/** What every outcome of an attempt changes that was not a success. */
function recorded({ maxAttempts }: BaseEvent, attemptsMade: number): EventChanges {
  return { attemptsMade: Math.min(attemptsMade, maxAttempts), nextAttemptAt: null, startedAttempts: 0, lease: null };
}

function isLeased({ lease }: BaseEvent, nowMs: number): boolean {
  return lease !== null && lease.until.getTime() > nowMs;
}

function isDue(event: BaseEvent, nowMs: number): boolean {
  const notBefore = event.nextAttemptAt ?? event.scheduledAt;
  return (notBefore === null || notBefore.getTime() <= nowMs) && !isLeased(event, nowMs);
}

/** When an event was, or will be, due. */
export function dueAtMs({ nextAttemptAt, scheduledAt, createdAt }: BaseEvent): number {
  return (nextAttemptAt ?? scheduledAt ?? createdAt).getTime();
}

/** The earliest event of each key; outbox events have no consumer group. */
function keyHeadsOf<E extends BaseEvent>(pendingInOrder: readonly E[]): E[] {
  const heads = new Map<string, E>();
  for (const event of pendingInOrder) {
    const key = JSON.stringify([Reflect.get(event, "consumerGroup"), event.partitionKey]);
    if (!heads.has(key)) heads.set(key, event);
  }
  return [...heads.values()];
}

/** Whether the event passes the filters. */
export function matches(
  event: BaseEvent,
  { topics, types, aggregateTypes, consumerGroup, sources }: FetchFilters = {},
): boolean {
  // Some fields are only in outbox or only in inbox events; what an event does not have matches nothing.
  const isAmong = (field: string, values: readonly string[] | undefined) =>
    values === undefined || values.includes(Reflect.get(event, field));
  return (
    isAmong("topic", topics) &&
    isAmong("type", types) &&
    isAmong("aggregateType", aggregateTypes) &&
    isAmong("consumerGroup", consumerGroup === undefined ? undefined : [consumerGroup]) &&
    isAmong("source", sources)
  );
}
