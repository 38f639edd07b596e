/**
 * Buckets whose last owners died, and how far their first events have been worked on since.
 *
 * After the first death nothing is changed, since processes are killed for many reasons. From the second one in a row on, the
 * events that the dead may have had in hand are worked on alone, until one of them proves to be the culprit or all have passed.
 */
export interface Suspicions {
  /** Whether an event that was started alone is in work. */
  readonly isStarted: boolean;
  isSuspect(bucket: number): boolean;
  /** Whether something that was there when a former owner died may be left. */
  isUnclean(bucket: number): boolean;
  /** `events`: how many its last owner may have had in hand. */
  begin(bucket: number, uncleanTakeovers: number, events: number): void;
  started(seq: bigint): void;
  /** An event is in hand no more. `isDone`: it is completed or has failed. @returns whether its bucket is clean by that */
  ended(event: { readonly bucket: number; readonly seq: bigint }, isDone: boolean): boolean;
  forget(bucket: number): void;
}

export function createSuspicions(): Suspicions {
  /** How many events have to pass before a bucket is clean. */
  const left = new Map<number, { isSuspect: boolean; events: number }>();
  let startedSeq: bigint | null = null;

  return {
    get isStarted() {
      return startedSeq !== null;
    },
    isSuspect: (bucket) => left.get(bucket)?.isSuspect ?? false,
    isUnclean: (bucket) => left.has(bucket),
    begin(bucket, uncleanTakeovers, events) {
      if (uncleanTakeovers === 0) left.delete(bucket);
      else left.set(bucket, { isSuspect: uncleanTakeovers > 1, events });
    },
    started(seq) {
      startedSeq = seq;
    },
    ended({ bucket, seq }, isDone) {
      if (startedSeq === seq) startedSeq = null;
      const entry = left.get(bucket);
      if (entry === undefined || !isDone) return false;
      entry.events -= 1;
      return entry.events <= 0 && left.delete(bucket);
    },
    forget(bucket) {
      left.delete(bucket);
    },
  };
}
