/**
 * The proof of ownership that an outcome statement checks in the database, in the same statement that writes.
 *
 * `lease`: each row still carries the claim's token. Strategies that own whole buckets add a variant of their own
 * (owner and epochs), which is why this is a tagged union.
 */
export type Fence = LeaseFence;

/** Ownership of single rows by the random token of one claim. */
export interface LeaseFence {
  readonly kind: "lease";
  readonly token: string;
}
