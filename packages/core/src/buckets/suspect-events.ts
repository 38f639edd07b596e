import type { BaseEvent } from "../events/outbox-event.js";
import type { CrashedEvent } from "../processor/fetch-strategy.js";
import type { BucketOperations, BucketRow, PeekedRow } from "../protocols/bucket-operations.js";
import type { EventRepository } from "../protocols/event-repository.js";
import type { BucketFence } from "../protocols/fence.js";
import type { Logger } from "../protocols/logger.js";
import type { BucketOwnership } from "./bucket-ownership.js";
import type { BucketReader } from "./bucket-reader.js";
import type { HeldEvents } from "./held-events.js";
import { startAlone } from "./lone-starts.js";
import type { ParkedKeys } from "./parked-keys.js";
import { createSuspicions, type Suspicions } from "./suspicions.js";

/** What suspects are found with. */
export interface SuspectEventsParts<E extends BaseEvent> {
  readonly repository: Pick<EventRepository<E>, "recordFailed">;
  readonly operations: Pick<BucketOperations<E>, "recordStarted">;
  readonly ownership: Pick<BucketOwnership, "owner" | "clean">;
  readonly reader: Pick<BucketReader<E>, "peek" | "passOver" | "leaveOut" | "readOne">;
  readonly parked: Pick<ParkedKeys, "park" | "holdsBack" | "isWaitingIn">;
  readonly held: Pick<HeldEvents, "countOf">;
  readonly logger: Logger;
  /** Whose events they are, in an inbox. */
  readonly consumerGroup: string | undefined;
  /** Takes an event in hand, unless it may not be worked on any more. */
  readonly take: (row: BucketRow<E>, epochs: ReadonlyMap<number, bigint>) => E | undefined;
}

/** The events of buckets whose owners died again and again: each is started alone, until what they died of is found or gone. */
export interface SuspectEvents<E extends BaseEvent> {
  readonly suspicions: Suspicions;
  /** Takes one event of these buckets, with its start counted, when none is in work that was started so. */
  next(epochs: ReadonlyMap<number, bigint>): Promise<Next<E>>;
  /** Nothing of these buckets is left to work on: what their last owners died of is not in them any more. */
  noteClean(buckets: readonly number[]): void;
  isStartCounted(seq: bigint): boolean;
  /** An outcome of the event was recorded, which takes its starts back. */
  recorded(seq: bigint): void;
  /** Those that have been failed since this was last asked, because they had killed their process too often. */
  takeCrashed(): readonly CrashedEvent[];
}

/** See {@link SuspectEvents.next}. */
export interface Next<E extends BaseEvent> {
  readonly events: readonly E[];
  /** Whether there may be more. */
  readonly hasMore: boolean;
}

export function createSuspectEvents<E extends BaseEvent>(parts: SuspectEventsParts<E>): SuspectEvents<E> {
  const { repository, operations, ownership, reader, parked, held, logger, consumerGroup, take } = parts;
  const suspicions = createSuspicions();
  const counted = new Map<bigint, number>();
  let crashed: CrashedEvent[] = [];

  function noteClean(buckets: readonly number[]): void {
    for (const bucket of buckets) {
      if (!suspicions.isUnclean(bucket) || held.countOf(bucket) > 0 || parked.isWaitingIn(bucket)) continue;
      suspicions.forget(bucket);
      ownership.clean(bucket);
    }
  }

  const parkAt = ({ partitionKey, bucket, seq }: PeekedRow) =>
    parked.park({ partitionKey, bucket, headSeq: seq }, true);

  async function startOne(row: PeekedRow, epoch: bigint): Promise<E | "failed" | "gone"> {
    const epochs = new Map([[row.bucket, epoch]]);
    const fence: BucketFence = { kind: "buckets", owner: ownership.owner, epochs };
    const beforeFailing = () => parkAt(row);
    const onCrashed = (event: CrashedEvent) => void crashed.push(event);
    const lone = { repository, operations, reader, logger, counted, beforeFailing, onCrashed, consumerGroup };
    const started = await startAlone(lone, row, fence);
    return typeof started === "string" ? started : (take(started, epochs) ?? "gone");
  }

  return {
    suspicions,
    noteClean,
    async next(epochs) {
      let hasMore = false;
      for (const [bucket, epoch] of epochs) {
        if (suspicions.isStarted) break;
        const peeked = await reader.peek(bucket);
        hasMore ||= peeked.hasMore;
        const [row] = peeked.rows ?? [];
        if (row === undefined) {
          if (peeked.rows !== null) noteClean([bucket]);
          continue;
        }
        const mayStart = row.isDue && !parked.holdsBack(row.partitionKey, row.seq);
        const started = mayStart ? await startOne(row, epoch) : "waiting";
        if (started === "waiting" || started === "failed") {
          parkAt(row);
          reader.leaveOut(row);
          reader.passOver(row);
        } else if (started !== "gone") {
          suspicions.started(started.seq);
          return { events: [started], hasMore };
        }
      }
      return { events: [], hasMore };
    },
    isStartCounted: (seq) => counted.has(seq),
    recorded: (seq) => void counted.delete(seq),
    takeCrashed() {
      const taken = crashed;
      crashed = [];
      return taken;
    },
  };
}
