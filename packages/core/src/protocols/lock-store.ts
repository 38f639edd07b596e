/** Who asks for a key, and for how long. */
export interface LockClaim {
  readonly key: string;
  /** Random, and never used for anything else: it tells this holder from all others. */
  readonly token: string;
  /** How long the key is kept from others, in milliseconds, counted from when the store carries the request out. */
  readonly ttlMs: number;
}

/**
 * What a {@link DistributedLock} keeps its locks in; `createDistributedLock` makes the lock of it.
 *
 * Each operation is atomic and safe to call concurrently. Requests of one client are carried out in the order of the calls, also
 * those that nobody waits for any more: the release that follows a request without an answer undoes it. A rejection means that
 * nothing is known of whether the operation was carried out. `signal` is aborted when nobody waits for the answer any more: begin nothing new then.
 */
export interface LockStore {
  /**
   * Takes the key if nobody holds it. A request that arrives twice takes it once: the token that holds it is answered as a holder.
   *
   * @returns a number that rises with every holder while the store remembers; `null` when another token holds it
   */
  take(claim: LockClaim, signal: AbortSignal): Promise<number | null>;
  /** Keeps the key for `ttlMs` from now, if the token holds it. @returns whether it does */
  extend(claim: LockClaim, signal: AbortSignal): Promise<boolean>;
  /** Gives the key up, if the token holds it. */
  release(claim: LockClaim, signal: AbortSignal): Promise<void>;
}
