import type { FailedHead, HeadState } from "../protocols/bucket-operations.js";
import { createDueQueue } from "./due-queue.js";

/** A key whose events wait for one of them. */
export interface ParkedKey {
  readonly partitionKey: string;
  readonly bucket: number;
  /** The event that the others wait for. */
  readonly headSeq: bigint;
}

interface Park extends ParkedKey {
  headSeq: bigint;
  /** Its head has failed, and holds the key back until somebody deals with it. */
  hasFailed: boolean;
  /** The outcome of the head is known to the store, or the store need not know. */
  isRecorded: boolean;
  /** The store said that the head backs off. */
  isBackingOff: boolean;
  /** Not looked at before. */
  checkAtMs: number;
  /** How long it is left alone when it turns out to be backing off still. */
  patienceMs: number;
}

const firstPatienceMs = 20;
const longestPatienceMs = 1_000;

/**
 * The keys that wait, each with its head, from the first outcome that is not a success.
 *
 * A key goes on only when the store says, in a read that was sent after the head's outcome was acknowledged, that the head is
 * due or is there no more (`docs/decisions/0013`, R10).
 */
export interface ParkedKeys {
  readonly size: number;
  /** Keys whose head has failed, as far as it is known. */
  readonly failedCount: number;
  /** Whether the event has to wait: it is the head, or comes after it. */
  holdsBack(partitionKey: string, seq: bigint): boolean;
  /** Keys for a read to leave out, those first that made reads come in vain most often; at most `limit`. */
  keys(limit: number): readonly string[];
  /** Whether something may become of a key without anybody's doing that has not been looked at: none does while all back off or have failed. */
  readonly hasUnchecked: boolean;
  /** Forgets that heads backed off when they were looked at: each is looked at once more, now. */
  recheck(): void;
  /** Whether a key of the bucket waits for something else than a failed event. */
  isWaitingIn(bucket: number): boolean;
  /** Notes that a read gave an event of the key in vain. */
  readInVain(partitionKey: string): void;
  /** Parks the key, or moves its head back. `isRecorded`: there is no outcome whose acknowledgement has to come first. */
  park(key: ParkedKey, isRecorded: boolean): void;
  /** The head's outcome was acknowledged. `delayMs`: it need not be looked at before. */
  recorded(key: ParkedKey, how: { readonly hasFailed: boolean; readonly delayMs: number }): void;
  /** Parks the keys of failed events. */
  parkFailed(heads: readonly FailedHead[]): void;
  /** The keys that may go on and whose heads are to be looked at now, the one first that was not for longest. */
  toCheck(limit: number, mayGoOn?: (partitionKey: string) => boolean): readonly ParkedKey[];
  /** Draws the conclusions from what the store says of the keys that were asked about. @returns those that go on */
  checked(asked: readonly ParkedKey[], states: readonly HeadState[], goesPastFailed: boolean): readonly ParkedKey[];
  /** Forgets all keys of a bucket. */
  forget(bucket: number): void;
}

/** @param nowMs - a clock that never runs backwards */
export function createParkedKeys(nowMs: () => number): ParkedKeys {
  const parks = new Map<string, Park>();
  const inVain = new Map<string, number>();
  /** Parks by `checkAtMs`; those that have another one by now, or are gone, are passed over. */
  const queue = createDueQueue<{ readonly park: Park; readonly atMs: number }>();

  function checkAt(park: Park, atMs: number): void {
    park.checkAtMs = atMs;
    queue.add({ park, atMs }, atMs);
  }

  function parkAt({ partitionKey, bucket, headSeq }: ParkedKey, isRecorded: boolean): Park {
    const present = parks.get(partitionKey);
    if (present !== undefined && present.headSeq <= headSeq) return present;
    // A key whose head moves back has an outcome of the former head that may be on its way: the new head's comes first.
    const park: Park = {
      partitionKey,
      bucket,
      headSeq,
      hasFailed: false,
      isRecorded,
      isBackingOff: false,
      checkAtMs: 0,
      patienceMs: firstPatienceMs,
    };
    parks.set(partitionKey, park);
    checkAt(park, nowMs());
    return park;
  }

  function unpark(partitionKey: string): void {
    parks.delete(partitionKey);
    inVain.delete(partitionKey);
  }

  return {
    get size() {
      return parks.size;
    },
    get failedCount() {
      let count = 0;
      for (const { hasFailed } of parks.values()) if (hasFailed) count += 1;
      return count;
    },
    get hasUnchecked() {
      for (const { hasFailed, isBackingOff } of parks.values()) if (!hasFailed && !isBackingOff) return true;
      return false;
    },
    recheck() {
      const now = nowMs();
      for (const park of parks.values()) {
        if (!park.isBackingOff) continue;
        park.isBackingOff = false;
        checkAt(park, now);
      }
    },
    isWaitingIn(bucket) {
      for (const park of parks.values()) if (park.bucket === bucket && !park.hasFailed) return true;
      return false;
    },
    holdsBack(partitionKey, seq) {
      const park = parks.get(partitionKey);
      return park !== undefined && seq >= park.headSeq;
    },
    keys(limit) {
      if (inVain.size <= limit) return [...inVain.keys()];
      const byCount = [...inVain].sort(([, a], [, b]) => b - a);
      return byCount.slice(0, limit).map(([partitionKey]) => partitionKey);
    },
    readInVain(partitionKey) {
      if (parks.has(partitionKey)) inVain.set(partitionKey, (inVain.get(partitionKey) ?? 0) + 1);
    },
    park(key, isRecorded) {
      parkAt(key, isRecorded);
    },
    recorded({ partitionKey, headSeq }, { hasFailed, delayMs }) {
      const park = parks.get(partitionKey);
      if (park?.headSeq !== headSeq) return;
      park.isRecorded = true;
      park.hasFailed = hasFailed;
      park.isBackingOff = false;
      checkAt(park, nowMs() + delayMs);
    },
    parkFailed(heads) {
      for (const { partitionKey, bucket, seq } of heads) {
        const park = parkAt({ partitionKey, bucket, headSeq: seq }, true);
        if (park.headSeq === seq) park.hasFailed = true;
      }
    },
    toCheck(limit, mayGoOn = () => true) {
      const now = nowMs();
      const asked: Park[] = [];
      const looked = new Set<Park>();
      while (asked.length < limit) {
        const next = queue.takeDue(now);
        if (next === undefined) break;
        const { park, atMs } = next;
        if (parks.get(park.partitionKey) !== park || park.checkAtMs !== atMs || looked.has(park)) continue;
        looked.add(park);
        if (park.isRecorded && mayGoOn(park.partitionKey)) asked.push(park);
      }
      // Until it is known what the store says of them they stay due.
      for (const park of looked) checkAt(park, park.checkAtMs);
      return asked;
    },
    checked(asked, states, goesPastFailed) {
      const bySeq = new Map(states.map(({ seq, state }) => [seq, state]));
      return asked.filter(({ partitionKey, headSeq }) => {
        const park = parks.get(partitionKey);
        // Moved back meanwhile: what was asked is no answer about its present head.
        if (park?.headSeq !== headSeq) return false;
        const state = bySeq.get(headSeq);
        if (state === undefined || state === "due" || (state === "failed" && goesPastFailed)) {
          unpark(partitionKey);
          return true;
        }
        park.hasFailed = state === "failed";
        park.isBackingOff = state === "backingOff";
        checkAt(park, nowMs() + park.patienceMs);
        park.patienceMs = Math.min(longestPatienceMs, park.patienceMs * 2);
        return false;
      });
    },
    forget(bucket) {
      for (const park of [...parks.values()]) if (park.bucket === bucket) unpark(park.partitionKey);
    },
  };
}
