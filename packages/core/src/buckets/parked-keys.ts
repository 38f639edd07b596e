import type { FailedHead, HeadState } from "../protocols/bucket-operations.js";

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
  /** Whether the event has to wait: it is the head, or comes after it. */
  holdsBack(partitionKey: string, seq: bigint): boolean;
  /** Keys for a read to leave out, those first that made reads come in vain most often; at most `limit`. */
  keys(limit: number): readonly string[];
  /** Whether something may become of a key without anybody's doing that has not been looked at: none does while all back off or have failed. */
  readonly hasUnchecked: boolean;
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
      checkAtMs: nowMs(),
      patienceMs: firstPatienceMs,
    };
    parks.set(partitionKey, park);
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
    get hasUnchecked() {
      for (const { hasFailed, isBackingOff } of parks.values()) if (!hasFailed && !isBackingOff) return true;
      return false;
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
      park.checkAtMs = nowMs() + delayMs;
    },
    parkFailed(heads) {
      for (const { partitionKey, bucket, seq } of heads) {
        const park = parkAt({ partitionKey, bucket, headSeq: seq }, true);
        if (park.headSeq === seq) park.hasFailed = true;
      }
    },
    toCheck(limit, mayGoOn = () => true) {
      const now = nowMs();
      const due = [...parks.values()].filter(
        ({ isRecorded, checkAtMs, partitionKey }) => isRecorded && checkAtMs <= now && mayGoOn(partitionKey),
      );
      // Keeps the order of `parks` among equals, where the key that was parked last is last.
      return due.sort((a, b) => a.checkAtMs - b.checkAtMs).slice(0, limit);
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
        park.checkAtMs = nowMs() + park.patienceMs;
        park.patienceMs = Math.min(longestPatienceMs, park.patienceMs * 2);
        return false;
      });
    },
    forget(bucket) {
      for (const park of [...parks.values()]) if (park.bucket === bucket) unpark(park.partitionKey);
    },
  };
}
