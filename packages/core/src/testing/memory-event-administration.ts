import { checkAdministration } from "../administration/check-administration.js";
import { defaults, limits } from "../defaults.js";
import type { BaseEvent, EventStatus } from "../events/outbox-event.js";
import type { Clock } from "../protocols/clock.js";
import type {
  AdministeredEvent,
  BlockedKey,
  DeadLetterRef,
  EventAdministration,
  EventChangeReport,
  EventChangeRequest,
  EventFilter,
  EventHistoryEntry,
} from "../protocols/event-administration.js";
import type { MemoryBucketLeases } from "./memory-bucket-leases.js";
import { completion, dueAtMs, matches } from "./memory-event-operations.js";
import { blankRecord, withEntry } from "./memory-event-record.js";
import { type MemoryEventStore, rowName } from "./memory-event-store.js";

/**
 * Makes the administration of a repository in memory. Each method is one step that nothing comes between.
 *
 * @param leasesOf - who owns the buckets of one consumer group, or of all
 */
export function createMemoryEventAdministration<E extends BaseEvent>(
  store: MemoryEventStore<E>,
  clock: Clock,
  leasesOf: (consumerGroup: string | undefined) => readonly MemoryBucketLeases[],
): EventAdministration<E> {
  const isFree = ({ seq }: E) => !store.isLocked(rowName(seq));
  const groupOf = (event: E): string | null => {
    const group: unknown = Reflect.get(event, "consumerGroup");
    return typeof group === "string" ? group : null;
  };
  const isOfGroup = (consumerGroup: string | undefined) => (event: E) =>
    consumerGroup === undefined || groupOf(event) === consumerGroup;
  const failedAtOf = ({ seq, createdAt }: E) => store.record(seq).failedAt ?? createdAt;
  const isDeadLetterOwed = ({ seq, status }: E) => status === "failed" && store.record(seq).deadLetteredAt === null;

  function administered(event: E): AdministeredEvent<E> {
    const { deadLetteredAt, history } = store.record(event.seq);
    return Object.freeze({
      event,
      failedAt: event.status === "failed" ? failedAtOf(event) : null,
      deadLetteredAt,
      history,
    });
  }

  function remember({ seq, attemptsMade }: E, what: EventHistoryEntry["what"], note: string | null): void {
    const entry = { at: new Date(clock.now()), what, attemptsMade, note };
    store.note(seq, { history: withEntry(store.record(seq).history, entry) });
  }

  const change =
    (from: readonly EventStatus[], apply: (event: E, note: string | null) => void) =>
    async ({ filter, reason, limit, dryRun = false }: EventChangeRequest): Promise<EventChangeReport> => {
      const matching = store.events().filter((event) => isMatch(event, filter));
      const wanted = matching.filter(({ status }) => from.includes(status));
      const chosen = wanted.filter((event) => dryRun || isFree(event)).slice(0, limit);
      const named = new Set(filter.ids?.map((id) => id.toLowerCase()));
      if (!dryRun) for (const event of chosen) apply(event, reason ?? null);
      return Object.freeze({
        changed: chosen.map(({ id, seq }) => ({ id, seq })),
        refused: matching
          .filter(({ id, status }) => named.has(id) && !from.includes(status))
          .map(({ id, seq, status }) => ({ id, seq, status })),
        missingIds: (filter.ids ?? []).filter(
          (id) => store.eventById(id.toLowerCase()) === undefined && !wasChosen(id, chosen),
        ),
        more: chosen.length < wanted.length,
      });
    };

  function recordOf(rows: readonly DeadLetterRef[], apply: (event: E, index: number) => void): void {
    for (const [index, { seq, failedAt }] of rows.entries()) {
      const event = store.event(seq);
      if (event === undefined || !isDeadLetterOwed(event) || failedAtOf(event).getTime() !== failedAt.getTime())
        continue;
      apply(event, index);
    }
  }

  return checkAdministration<E>({
    async list({ filter, limit, order = "oldest", after }) {
      const inOrder = order === "oldest" ? store.events() : store.events().reverse();
      const isBeyond = ({ seq }: E) => after === undefined || (order === "oldest" ? seq > after : seq < after);
      return inOrder
        .filter((event) => isBeyond(event) && isMatch(event, filter))
        .slice(0, limit)
        .map(administered);
    },
    async find(id) {
      const event = store.eventById(id.toLowerCase());
      return event === undefined ? null : administered(event);
    },

    requeue: change(["failed"], (event, note) => {
      const pending = { status: "pending", attemptsMade: 0, startedAttempts: 0, nextAttemptAt: null } as const;
      const requeued = store.update(event, { ...pending, scheduledAt: null });
      store.note(event.seq, { ...blankRecord, history: store.record(event.seq).history });
      remember(requeued, "requeued", note);
    }),
    skip: change(["failed"], (event, note) => {
      store.update(event, completion(clock));
      store.note(event.seq, { failedAt: null, deadLetterAt: null });
      remember(event, "skipped", note);
    }),
    purge: change(["failed", "completed"], (event) => store.delete(event)),

    async blockedKeys({ limit, consumerGroup }) {
      const heads = new Map<string, E>();
      for (const event of store.events().filter(isOfGroup(consumerGroup))) {
        const key = JSON.stringify([groupOf(event), event.partitionKey]);
        if (event.status === "failed" && !heads.has(key)) heads.set(key, event);
      }
      return [...heads.values()].slice(0, limit).map((head): BlockedKey => {
        const { id, seq, type, lastError, partitionKey, bucket } = head;
        const inBucket = store
          .pending()
          .filter((event) => event.bucket === bucket && groupOf(event) === groupOf(head) && event.seq > seq)
          .filter(({ scheduledAt }) => scheduledAt === null)
          .slice(0, limits.waitingLookMax);
        return Object.freeze({
          partitionKey,
          consumerGroup: groupOf(head),
          bucket,
          head: Object.freeze({ id, seq, type, lastError }),
          since: failedAtOf(head),
          waiting: inBucket.filter((event) => event.partitionKey === partitionKey).length,
        });
      });
    },

    async statistics({ countLimit = defaults.countLimit, consumerGroup } = {}) {
      const nowMs = clock.now();
      const events = store.events().filter(isOfGroup(consumerGroup));
      const count = (isCounted: (event: E) => boolean) => Math.min(countLimit, events.filter(isCounted).length);
      const pending = events.filter(({ status }) => status === "pending").sort((a, b) => dueAtMs(a) - dueAtMs(b));
      const [first] = pending;
      const failed = events.filter(({ status }) => status === "failed");
      const keys = new Set(failed.map((event) => JSON.stringify([groupOf(event), event.partitionKey])));
      const owners = leasesOf(consumerGroup).map((leases) => leases.owners());
      return Object.freeze({
        pending: Math.min(countLimit, pending.length),
        failed: count(({ status }) => status === "failed"),
        completed: count(({ status }) => status === "completed"),
        awaitingDeadLetter: count(isDeadLetterOwed),
        countLimit,
        oldestPendingMs: first === undefined || dueAtMs(first) > nowMs ? null : nowMs - dueAtMs(first),
        blockedKeys: Math.min(countLimit, keys.size),
        expiredLeases: pending.slice(0, countLimit).filter((event) => hasRunOut(event, nowMs)).length,
        owners: owners.flatMap((each) => each.owners),
        unownedBuckets: owners.reduce((sum, { unowned }) => sum + unowned, 0),
      });
    },

    async removeOld({ status, olderThanMs, limit, consumerGroup, onlyDeadLettered = false }) {
      const latestMs = clock.now() - olderThanMs;
      const since = (event: E) => (status === "completed" ? event.completedAt : failedAtOf(event));
      const isOld = (event: E) =>
        event.status === status &&
        isOfGroup(consumerGroup)(event) &&
        (since(event)?.getTime() ?? 0) <= latestMs &&
        !(onlyDeadLettered && isDeadLetterOwed(event));
      const old = store
        .events()
        .filter((event) => isOld(event) && isFree(event))
        .slice(0, limit);
      for (const event of old) store.delete(event);
      return old.length;
    },
    async releaseExpiredLeases({ limit }) {
      const expired = store
        .pending()
        .filter((event) => hasRunOut(event, clock.now()) && isFree(event))
        .slice(0, limit);
      for (const event of expired)
        store.update(event, { lease: null, startedAttempts: Math.max(1, event.startedAttempts) });
      return expired.length;
    },

    async takeDeadLetters({ limit, leaseMs, filters }) {
      const dueMs = (event: E) => (store.record(event.seq).deadLetterAt ?? failedAtOf(event)).getTime();
      const due = store
        .events()
        .filter((event) => isDeadLetterOwed(event) && dueMs(event) <= clock.now() && matches(event, filters))
        .filter(isFree)
        .sort((a, b) => dueMs(a) - dueMs(b))
        .slice(0, limit);
      for (const { seq } of due) store.note(seq, { deadLetterAt: new Date(clock.now() + leaseMs) });
      return due
        .sort((a, b) => (a.seq < b.seq ? -1 : 1))
        .map((event) => ({
          event,
          failedAt: failedAtOf(event),
          attemptsMade: store.record(event.seq).deadLetterAttempts,
        }));
    },
    async recordDeadLettered(rows) {
      recordOf(rows, (event) => {
        store.note(event.seq, { deadLetteredAt: new Date(clock.now()), deadLetterAt: null });
        remember(event, "deadLettered", null);
      });
    },
    async recordDeadLetterFailed(rows) {
      recordOf(rows, (event, index) => {
        const row = rows[index];
        if (row === undefined) return;
        const isNew = row.attemptsMade > store.record(event.seq).deadLetterAttempts;
        store.note(event.seq, {
          deadLetterAttempts: row.attemptsMade,
          deadLetterAt: new Date(clock.now() + row.delayMs),
        });
        if (isNew) remember(event, "deadLetterFailed", row.error);
      });
    },
  });
}

function wasChosen(id: string, chosen: readonly BaseEvent[]): boolean {
  return chosen.some((event) => event.id === id.toLowerCase());
}

function hasRunOut({ status, lease }: BaseEvent, nowMs: number): boolean {
  return status === "pending" && lease !== null && lease.until.getTime() <= nowMs;
}

function isMatch(event: BaseEvent, filter: EventFilter): boolean {
  const { ids, statuses, partitionKeys, errorContains, createdFrom, createdBefore } = filter;
  return (
    matches(event, filter) &&
    (ids === undefined || ids.some((id) => id.toLowerCase() === event.id)) &&
    (statuses === undefined || statuses.includes(event.status)) &&
    (partitionKeys === undefined || partitionKeys.includes(event.partitionKey)) &&
    (errorContains === undefined || event.lastError?.toLowerCase().includes(errorContains.toLowerCase()) === true) &&
    (createdFrom === undefined || event.createdAt >= createdFrom) &&
    (createdBefore === undefined || event.createdAt < createdBefore)
  );
}
