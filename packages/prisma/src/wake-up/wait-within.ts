import { OmniBoxError } from "@omni-box/core";

/**
 * Waits for `work`, but neither longer than `timeoutMs` nor beyond the abort of the signal.
 *
 * @param what - completes "no answer to …"
 * @throws {OmniBoxError} STORE.TIMEOUT when the time is over; else what `work` rejects with, or the reason of the abort.
 */
export function waitWithin<T>(work: Promise<T>, timeoutMs: number, what: string, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const finish = (settle: () => void) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", aborted);
      settle();
    };
    const aborted = () => finish(() => reject(signal.reason));
    const timedOut = new OmniBoxError("STORE.TIMEOUT", `no answer to ${what} within ${timeoutMs} ms`);
    const timer = setTimeout(() => finish(() => reject(timedOut)), timeoutMs);
    work.then(
      (result) => finish(() => resolve(result)),
      (error: unknown) => finish(() => reject(error)),
    );
    if (signal.aborted) aborted();
    else signal.addEventListener("abort", aborted);
  });
}
