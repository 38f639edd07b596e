/**
 * Events that reads gave in vain, because their keys wait, and that the next reads would give again: reading goes back as far as
 * open transactions demand. Left out they cannot fill one read after the other, and keep those behind them from being read.
 */
export interface PassedOver {
  /** Those behind this `seq`; forgets the others, which no read meets that begins there. */
  behind(seq: bigint): readonly bigint[];
  /** Adds an event; one more than there is room for is dropped, and read again. */
  add(event: { readonly bucket: number; readonly seq: bigint }): void;
  /** The bucket is gone back in, to give events that had to wait. */
  forget(bucket: number): void;
  forgetAll(): void;
}

/** @param most - events to remember */
export function createPassedOver(most: number): PassedOver {
  const bucketOf = new Map<bigint, number>();

  return {
    behind(begin) {
      for (const seq of bucketOf.keys()) if (seq <= begin) bucketOf.delete(seq);
      return [...bucketOf.keys()];
    },
    add({ bucket, seq }) {
      if (bucketOf.size < most) bucketOf.set(seq, bucket);
    },
    forget(gone) {
      for (const [seq, bucket] of bucketOf) if (bucket === gone) bucketOf.delete(seq);
    },
    forgetAll() {
      bucketOf.clear();
    },
  };
}
