/** How a lock is asked for. */
export interface LockOptions {
  /** How long it lasts without an extension, in milliseconds; default 10,000, at least 100. It is extended until it is released or lost. */
  readonly ttlMs?: number | undefined;
  /** How long to wait while somebody else holds it; default 0 ms. */
  readonly waitMs?: number | undefined;
  /** Ends the waiting: `acquire` then answers `null`. */
  readonly signal?: AbortSignal | undefined;
}

/** A lock that is held, as far as its holder can know. */
export interface HeldLock extends AsyncDisposable {
  readonly key: string;
  /**
   * Rises with every holder of the key while the lock's store remembers, and so may begin anew after a loss of its memory. For logs
   * and as a hint; what has to be fenced is fenced by the database.
   */
  readonly fencingNumber: number;
  /** Aborted when the lock is lost, or can no longer be known to be held: somebody else may hold it now. Its reason is LOCK.LOST. */
  readonly signal: AbortSignal;
  /** Gives it up. Idempotent; never rejects: what cannot be given up runs out. */
  release(): Promise<void>;
}

/**
 * Keeps work from being done twice at the same time by several processes. It is an efficiency, never a safety: a holder may be paused past
 * its time, and a lock's store may forget. Nothing that must not happen twice may rest on it.
 */
export interface DistributedLock {
  /**
   * Acquires the lock of a key, or answers `null` when it could not be had within `waitMs`, or the signal was aborted.
   *
   * @throws {OmniBoxError} LOCK.UNAVAILABLE when the lock's store does not answer; it may be held by nobody until `ttlMs` is over.
   * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS when key or options break a limit.
   */
  acquire(key: string, options?: LockOptions): Promise<HeldLock | null>;

  /**
   * Runs `work` under the lock and releases it, whatever `work` does. `work` should stop when `held.signal` is aborted.
   *
   * @throws {OmniBoxError} LOCK.HELD_BY_ANOTHER when the lock could not be had within `waitMs`; `work` was not called.
   * @throws {OmniBoxError} LOCK.UNAVAILABLE as `acquire`; `work` was not called.
   * @throws what `work` rejects with, unchanged.
   */
  withLock<Result>(key: string, work: (held: HeldLock) => Promise<Result>, options?: LockOptions): Promise<Result>;
}
