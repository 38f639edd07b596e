import type { BaseEvent } from "../events/outbox-event.js";
import type {
  BucketOperations,
  BucketReading,
  BucketReadRequest,
  BucketRow,
  EndedSchedule,
  FailedHead,
  HeadState,
  PeekedRow,
} from "../protocols/bucket-operations.js";
import type { Clock } from "../protocols/clock.js";
import type { EventRef } from "../protocols/event-repository.js";
import type { BucketFence } from "../protocols/fence.js";
import type { MemoryBucketLeases } from "./memory-bucket-leases.js";
import type { MemoryEventOperations } from "./memory-event-operations.js";
import type { MemoryEventStore } from "./memory-event-store.js";

/**
 * Makes the operations on the buckets of a repository in memory.
 *
 * @param isOfGroup - whether an event is of the consumer group whose buckets they are; default: there are no groups
 */
export function createMemoryBucketOperations<E extends BaseEvent>(
  store: MemoryEventStore<E>,
  clock: Clock,
  leases: MemoryBucketLeases,
  { record }: Pick<MemoryEventOperations<E>, "record">,
  isOfGroup: (event: E) => boolean = () => true,
): BucketOperations<E> {
  const { holds, lock: _ofTransactions, owners: _ofAdministrations, ...ownership } = leases;

  const isDue = ({ nextAttemptAt, lease }: E) =>
    (nextAttemptAt?.getTime() ?? 0) <= clock.now() && (lease?.until.getTime() ?? 0) <= clock.now();
  const rowOf = (event: E): BucketRow<E> => ({ event, isDue: isDue(event) });

  function readNow({ from, limit, exceptSeqs, exceptKeys }: BucketReadRequest): E[] {
    const [seqs, keys] = [new Set(exceptSeqs), new Set(exceptKeys)];
    const positions = new Map(from.map((position) => [position.bucket, { ...position, read: [] as E[] }]));
    for (const event of store.pending().filter(isOfGroup)) {
      if (seqs.has(event.seq) || keys.has(event.partitionKey)) continue;
      const position = positions.get(event.bucket);
      if (position === undefined || event.scheduledAt !== null || event.seq <= position.afterSeq) continue;
      if (position.read.length < position.limit) position.read.push(event);
    }
    return [...positions.values()].flatMap(({ read }) => read).slice(0, limit);
  }

  /** What is written becomes visible, and its transaction is open no more, in one turn. */
  const readingOf = <Row>(rows: readonly Row[]): BucketReading<Row> => ({
    rows,
    writers: store.writers().map((id) => ({ id, isHidden: true })),
  });

  async function endSchedules(fence: BucketFence, limit: number): Promise<readonly EndedSchedule[]> {
    const scheduledMs = ({ scheduledAt }: E) => scheduledAt?.getTime() ?? Number.POSITIVE_INFINITY;
    const hasCome = (event: E) => scheduledMs(event) <= clock.now();
    const isWanted = (event: E) => isOfGroup(event) && holds(fence, event.bucket) && hasCome(event);
    const come = store.pending().filter(isWanted);
    const earliest = come.sort((a, b) => scheduledMs(a) - scheduledMs(b)).slice(0, limit);
    const ended: EndedSchedule[] = [];
    await record(fence, earliest, (stored) => {
      // Another call may have ended it while this one waited for a lock.
      if (!hasCome(stored)) return;
      store.update(stored, { scheduledAt: null });
      ended.push({ bucket: stored.bucket, seq: stored.seq });
    });
    return ended;
  }

  function stateOf(seq: bigint): HeadState[] {
    const event = store.event(seq);
    if (event === undefined || event.status === "completed") return [];
    if (event.status === "failed") return [{ seq, state: "failed" }];
    return [{ seq, state: isDue(event) ? "due" : "backingOff" }];
  }

  function failedHeadsNow(buckets: readonly number[]): FailedHead[] {
    const heads = new Map<string, FailedHead>();
    for (const { status, bucket, partitionKey, seq } of store.events().filter(isOfGroup)) {
      if (status !== "failed" || !buckets.includes(bucket) || heads.has(partitionKey)) continue;
      heads.set(partitionKey, { bucket, partitionKey, seq });
    }
    return [...heads.values()];
  }

  return Object.freeze({
    ...ownership,
    read: async (request: BucketReadRequest) => readingOf(readNow(request).map(rowOf)),
    endSchedules,
    peek: async (request: BucketReadRequest) =>
      readingOf(
        readNow(request).map(
          (event): PeekedRow => ({
            id: event.id,
            seq: event.seq,
            bucket: event.bucket,
            partitionKey: event.partitionKey,
            attemptsMade: event.attemptsMade,
            startedAttempts: event.startedAttempts,
            isDue: isDue(event),
          }),
        ),
      ),
    headStates: async (seqs: readonly bigint[]) => seqs.flatMap(stateOf),
    failedHeads: async (buckets: readonly number[]) => failedHeadsNow(buckets),
    recordStarted: (fence: BucketFence, row: EventRef, startedAttempts: number) =>
      record(fence, [row], (stored) => void store.update(stored, { startedAttempts })),
  });
}
