/** The proof of ownership that an outcome statement checks in the database, in the same statement that writes. */
export type Fence = LeaseFence | BucketFence;

/** Ownership of single rows by the random token of one claim. */
export interface LeaseFence {
  readonly kind: "lease";
  readonly token: string;
}

/**
 * Ownership of whole buckets.
 *
 * A row may be changed while its bucket still has this owner and epoch. The statement locks the bucket's row, so that a
 * take-over waits for it and it for a take-over; the time of the lease is no part of it.
 */
export interface BucketFence {
  readonly kind: "buckets";
  /** Never used by another start of any worker. */
  readonly owner: string;
  /** For each bucket the epoch of its acquisition. */
  readonly epochs: ReadonlyMap<number, bigint>;
}
