import type { BaseEvent } from "../events/outbox-event.js";

/** The events that a session has given out and whose outcomes are not recorded yet: no read may give them out again. */
export interface HeldEvents {
  /** Whether none is in hand. */
  readonly isEmpty: boolean;
  /** Those of which this is true. */
  seqs(isMeant: (seq: bigint, bucket: number) => boolean): readonly bigint[];
  has(seq: bigint): boolean;
  countOf(bucket: number): number;
  /** Whether an event of the key is in hand. */
  holdsKey(partitionKey: string): boolean;
  hold(event: BaseEvent): void;
  /** Forgets an event after its outcome was acknowledged. */
  letGo(event: BaseEvent): void;
  /**
   * Runs a read, and remembers until its answer has been dealt with what is let go meanwhile: the statement may have seen it.
   * One at a time.
   */
  during<Result>(read: () => Promise<Result>): Promise<Result>;
}

export function createHeldEvents(): HeldEvents {
  const bucketOf = new Map<bigint, number>();
  /** Let go while a read was under way. */
  const lingering = new Set<bigint>();
  const ofBucket = new Map<number, number>();
  const ofKey = new Map<string, number>();
  let isReading = false;

  function count<Name>(counts: Map<Name, number>, name: Name, change: 1 | -1): void {
    const next = (counts.get(name) ?? 0) + change;
    if (next === 0) counts.delete(name);
    else counts.set(name, next);
  }

  return {
    get isEmpty() {
      return bucketOf.size === 0;
    },
    seqs(isMeant) {
      const meant: bigint[] = [];
      for (const [seq, bucket] of bucketOf) if (isMeant(seq, bucket)) meant.push(seq);
      return meant;
    },
    has: (seq) => bucketOf.has(seq) || lingering.has(seq),
    countOf: (bucket) => ofBucket.get(bucket) ?? 0,
    holdsKey: (partitionKey) => ofKey.has(partitionKey),
    hold({ seq, bucket, partitionKey }) {
      bucketOf.set(seq, bucket);
      count(ofBucket, bucket, 1);
      count(ofKey, partitionKey, 1);
    },
    letGo({ seq, bucket, partitionKey }) {
      if (!bucketOf.delete(seq)) return;
      count(ofBucket, bucket, -1);
      count(ofKey, partitionKey, -1);
      if (isReading) lingering.add(seq);
    },
    async during(read) {
      isReading = true;
      try {
        return await read();
      } finally {
        isReading = false;
        lingering.clear();
      }
    },
  };
}
