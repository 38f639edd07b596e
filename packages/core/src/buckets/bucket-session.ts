import { defaults } from "../defaults.js";
import type { OmniBoxError } from "../errors/omni-box-error.js";
import { invalidOptions } from "../errors/validate-options.js";
import type { BaseEvent } from "../events/outbox-event.js";
import type { Outcome } from "../pipeline/outcome.js";
import type { ClaimedBatch, FetchRequest, FetchSession, FetchWorker } from "../processor/fetch-strategy.js";
import { startLeaseDeadline } from "../processor/lease-deadline.js";
import type { BucketOperations, BucketRow } from "../protocols/bucket-operations.js";
import type { EventRepository } from "../protocols/event-repository.js";
import type { BucketFence } from "../protocols/fence.js";
import { createBucketOrder } from "./bucket-order.js";
import { type BucketOwnership, createBucketOwnership, type OwnedBucket } from "./bucket-ownership.js";
import { createBucketReader } from "./bucket-reader.js";
import { createDueSchedules } from "./due-schedules.js";
import { createFailedKeys } from "./failed-keys.js";
import { createHeldEvents } from "./held-events.js";
import { createKeyTurns } from "./key-turns.js";
import { createParkedKeys, type ParkedKey } from "./parked-keys.js";
import { createSuspectEvents } from "./suspect-events.js";

type Epochs = ReadonlyMap<number, bigint>;

/** How buckets are owned and read. */
export interface BucketSessionOptions {
  readonly leaseMs: number;
  readonly takeoverGraceMs: number;
  readonly onFailedKey: "block" | "skip";
  readonly inFlightPerKey: number;
}

/** What a session works with. */
export interface BucketSessionParts<E extends BaseEvent> {
  readonly repository: EventRepository<E>;
  readonly operations: BucketOperations<E>;
  readonly worker: FetchWorker;
  readonly options: BucketSessionOptions;
}

/**
 * Reads the events of the buckets that one worker owns, and keeps the events of each key in order.
 *
 * One statement of reading is under way at a time. So whatever parks or frees a key does so either before a read is sent or
 * before its answer is dealt with, and no answer is older than what is known.
 */
export function createBucketSession<E extends BaseEvent>(parts: BucketSessionParts<E>): FetchSession<E> {
  const { repository, operations, worker, options } = parts;
  const { clock, logger, consumerGroup } = worker;
  const { leaseMs, takeoverGraceMs, onFailedKey, inFlightPerKey } = options;
  const nowMs = () => clock.monotonicMs();
  const held = createHeldEvents();
  const parked = createParkedKeys(nowMs);
  const turns = createKeyTurns(inFlightPerKey);
  const reader = createBucketReader({ operations, held, parked, nowMs });
  const failedKeys = createFailedKeys(operations, parked, onFailedKey === "block");
  const schedules = createDueSchedules(operations, reader, nowMs);
  /** Acquired, and not read before it is known which of their keys are blocked. */
  const fresh = new Map<number, OwnedBucket>();
  let starting: Promise<void> | null = null;
  /** The last read may have left events behind. */
  let hasMore = false;
  /** Taken up by the next fetch: one that is under way may have asked before it was wanted. */
  let isRecheckWanted = false;

  const ownership: BucketOwnership = createBucketOwnership({
    operations,
    workerId: worker.workerId,
    leaseMs,
    graceMs: takeoverGraceMs,
    clock,
    logger,
    isInFlight: (bucket) => held.countOf(bucket) > 0,
    onAcquired(buckets) {
      for (const owned of buckets) fresh.set(owned.bucket, owned);
    },
    onGone({ bucket }) {
      fresh.delete(bucket);
      failedKeys.forget(bucket);
      parked.forget(bucket);
      reader.forget(bucket);
      suspicions.forget(bucket);
    },
  });

  const suspects = createSuspectEvents({
    repository,
    operations,
    ownership,
    reader,
    parked,
    held,
    logger,
    consumerGroup,
    take: (row, epochs) => take([row], epochs)[0],
  });
  const { suspicions } = suspects;

  const order = {
    held,
    parked,
    turns,
    unrecordedDelayMs: leaseMs,
    letGo(event: E, recorded: Outcome | null) {
      // A start whose outcome is not stored still counts there.
      if (recorded !== null) suspects.recorded(event.seq);
      const isDone = recorded?.kind === "completed" || recorded?.kind === "failed";
      if (suspicions.ended(event, isDone)) ownership.clean(event.bucket);
      if (held.countOf(event.bucket) === 0) ownership.drained(event.bucket);
    },
    doubt: () => ownership.doubt(),
  };

  function start(): Promise<void> {
    starting ??= ownership.start().catch((error: unknown) => {
      starting = null;
      throw error;
    });
    return starting;
  }

  async function welcomeFresh(limit: number): Promise<void> {
    if (fresh.size === 0) return;
    const arrived = [...fresh.values()];
    for (const { bucket } of arrived) {
      parked.forget(bucket);
      reader.forget(bucket);
    }
    await failedKeys.load(arrived.map(({ bucket }) => bucket));
    for (const { bucket, epoch, uncleanTakeovers } of arrived) {
      if (fresh.get(bucket)?.epoch !== epoch) continue;
      fresh.delete(bucket);
      suspicions.begin(bucket, uncleanTakeovers, heldOfBucket(Math.max(limit, defaults.batchSize)));
    }
  }

  /** Looks at the heads of keys that wait. Returns the keys that go on. */
  async function checkHeads(limit: number): Promise<readonly ParkedKey[]> {
    // A key goes on only with none of its events in hand: a read would leave those out, and give later ones.
    const asked = parked.toCheck(limit, (key) => !held.holdsKey(key));
    if (asked.length === 0) return [];
    const states = await operations.headStates(asked.map(({ headSeq }) => headSeq));
    const free = parked.checked(asked, states, onFailedKey === "skip");
    for (const { bucket, headSeq } of free) reader.goBackTo({ bucket, seq: headSeq });
    // Another event of a key that goes on may have failed too.
    await failedKeys.load([...new Set(free.map(({ bucket }) => bucket))]);
    return free;
  }

  /** Takes the events that may be worked on, and parks the keys of those that back off. Nothing may fail between this and the batch. */
  function take(rows: readonly BucketRow<E>[], epochs: Epochs): E[] {
    const taken: E[] = [];
    for (const { event, isDue } of rows) {
      const { bucket, seq, partitionKey } = event;
      const epoch = epochs.get(bucket);
      if (epoch === undefined || !ownership.isHeld(bucket, epoch) || held.has(seq)) continue;
      if (parked.holdsBack(partitionKey, seq)) {
        parked.readInVain(partitionKey);
        reader.leaveOut(event);
      } else if (isDue) {
        held.hold(event);
        taken.push(event);
      } else {
        parked.park({ partitionKey, bucket, headSeq: seq }, true);
      }
    }
    return taken;
  }

  /** So many events of one bucket may be in hand, and are suspects after a death. */
  const heldOfBucket = (limit: number) =>
    Math.max(defaults.heldOfBucketMin, Math.ceil((4 * limit) / Math.max(1, ownership.bucketCount)));

  /** Reads on where there is something to be had, for a while also when all that comes has to wait. */
  async function readBuckets(epochs: Epochs, limit: number): Promise<E[]> {
    const buckets = [...epochs.keys()];
    const again = reader.dueAgain(buckets);
    if (again.length > 0) {
      await failedKeys.load(again);
      for (const bucket of again) reader.forget(bucket);
    }
    for (let reads = 1; ; reads += 1) {
      const read = await reader.readOn(buckets, limit, heldOfBucket(limit));
      hasMore = read.hasMore;
      const isEmpty = read.rows?.length === 0;
      if (isEmpty) suspects.noteClean(read.atEnd);
      const taken = take(read.rows ?? [], epochs);
      const isInVain = isEmpty && !read.hasToDo;
      if (taken.length > 0 || isInVain || !hasMore || reads === defaults.readsInVainMax) return taken;
    }
  }

  /** While the broker is away one event is tried at a time: the head of a key that waits, each time another one, or else any. */
  async function readToTry(epochs: Epochs, free: ParkedKey | undefined): Promise<E[]> {
    if (free === undefined || !epochs.has(free.bucket)) return readBuckets(epochs, 1);
    const row = await reader.readOne({ bucket: free.bucket, seq: free.headSeq });
    const taken = row === undefined ? [] : take([row], epochs);
    // Gone meanwhile: what is behind it has not been looked for.
    hasMore = taken.length === 0;
    return taken;
  }

  const fenceOf = (epochs: Epochs): BucketFence => ({ kind: "buckets", owner: ownership.owner, epochs });

  function batchOf(events: readonly E[], owned: ReadonlyMap<number, bigint>): ClaimedBatch<E> {
    const epochs = new Map<number, bigint>();
    for (const { bucket } of events) {
      const epoch = owned.get(bucket);
      if (epoch !== undefined) epochs.set(bucket, epoch);
    }
    const leaseOf = (bucket: number, epoch: bigint | undefined) =>
      epoch === undefined ? 0 : ownership.remainingMs(bucket, epoch);
    // Handlers may take longer than a lease, which is renewed meanwhile: they are given up when all their buckets are lost.
    const longest = () => Math.max(0, ...[...epochs].map(([bucket, epoch]) => leaseOf(bucket, epoch)));
    const patience = startLeaseDeadline(clock, leaseMs);
    const patienceMs = () => (consumerGroup === undefined ? patience.remainingMs() : longest());
    return {
      events,
      hasMore,
      crashed: suspects.takeCrashed(),
      fence: fenceOf(epochs),
      deadline: {
        remainingMs: (event) =>
          event === undefined ? patienceMs() : Math.min(patienceMs(), leaseOf(event.bucket, epochs.get(event.bucket))),
      },
      order: createBucketOrder(events, order),
      isStartCounted: ({ seq }) => suspects.isStartCounted(seq),
    };
  }

  return {
    get seesAll() {
      return ownership.seesAll && !isRecheckWanted && fresh.size === 0 && held.isEmpty && !parked.hasUnchecked;
    },
    recheck() {
      isRecheckWanted = true;
    },
    get condition() {
      return { failure: ownership.failure, blockedKeys: parked.failedCount, ownedBuckets: ownership.readable.length };
    },
    async fetch({ limit, filters }: FetchRequest) {
      if (filters !== undefined) throw notFiltered();
      hasMore = false;
      if (isRecheckWanted) {
        parked.recheck();
        schedules.recheck();
      }
      isRecheckWanted = false;
      await start();
      await welcomeFresh(limit);
      await failedKeys.load([]);
      const epochsOf = (owned: readonly OwnedBucket[]) => new Map(owned.map(({ bucket, epoch }) => [bucket, epoch]));
      const readable = ownership.readable.filter(({ bucket }) => !fresh.has(bucket));
      const suspected = epochsOf(readable.filter(({ bucket }) => suspicions.isSuspect(bucket)));
      const clean = epochsOf(readable.filter(({ bucket }) => !suspicions.isSuspect(bucket)));
      const isTry = limit === 1;
      await schedules.end(fenceOf(epochsOf(readable)));
      const [free] = await checkHeads(isTry ? 1 : defaults.headsPerCheck);
      const events = await held.during(async () => {
        const alone = await suspects.next(suspected);
        const isEnough = alone.events.length > 0 || clean.size === 0;
        const taken = isEnough ? alone.events : await (isTry ? readToTry(clean, free) : readBuckets(clean, limit));
        hasMore ||= alone.hasMore;
        return taken;
      });
      return batchOf(events, epochsOf(readable));
    },
    close: () => ownership.close(),
  };
}

function notFiltered(): OmniBoxError {
  return invalidOptions("ownedBuckets", ["filters: a bucket has one owner, which has to take all its events"]);
}
