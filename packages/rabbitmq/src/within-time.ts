import type { Clock } from "@omni-box/core";

/** Bounds of {@link withinTime}. */
export interface TimeBound<T> {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** What the promise is rejected with when the time is up. */
  readonly timeoutError: () => Error;
  /** Gives up early, with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Is given a result that comes after the promise was rejected. */
  readonly onLate?: (value: T) => void;
}

/** Settles as `work` does, or rejects when the time is up or the signal aborts; a late failure is dropped. */
export function withinTime<T>(work: PromiseLike<T>, bound: TimeBound<T>): Promise<T> {
  const { clock, signal } = bound;
  return new Promise<T>((resolve, reject) => {
    let over = false;
    const giveUp = (reason: unknown) => {
      end();
      reject(reason);
    };
    const onAbort = () => giveUp(signal?.reason);
    const cancelTimer = clock.schedule(Math.max(bound.timeoutMs, 0), () => giveUp(bound.timeoutError()));
    function end(): void {
      over = true;
      cancelTimer();
      signal?.removeEventListener("abort", onAbort);
    }
    work.then(
      (value) => {
        if (over) return bound.onLate?.(value);
        end();
        resolve(value);
      },
      (error) => {
        if (!over) giveUp(error);
      },
    );
    if (signal?.aborted) onAbort();
    else signal?.addEventListener("abort", onAbort, { once: true });
  });
}
