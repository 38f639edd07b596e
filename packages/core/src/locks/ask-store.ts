import { kindOfError } from "../errors/kind-of-error.js";
import { isOmniBoxError, OmniBoxError } from "../errors/omni-box-error.js";
import type { Clock } from "../protocols/clock.js";

/** Sends requests to a lock's store and waits for each for a bounded time. */
export interface StoreRequests {
  /**
   * @param ttlMs - a request may take a third of it, so that there is time for others before the lock runs out
   * @throws {OmniBoxError} LOCK.UNAVAILABLE when the answer is an error, or does not come in time.
   */
  ask<T>(ttlMs: number, request: (signal: AbortSignal) => Promise<T>): Promise<T>;
}

/** @param requestTimeoutMs - the longest that any request may take */
export function createStoreRequests(clock: Clock, requestTimeoutMs: number): StoreRequests {
  return {
    ask(ttlMs, request) {
      const timeoutMs = Math.min(requestTimeoutMs, Math.ceil(ttlMs / 3));
      const givenUp = new AbortController();
      return new Promise((resolve, reject) => {
        const cancel = clock.schedule(timeoutMs, () => {
          givenUp.abort();
          reject(unavailable(`it did not answer within ${timeoutMs} ms`));
        });
        // The async function turns a request that throws into one that rejects.
        const answer = (async () => request(givenUp.signal))();
        answer.then(
          (result) => {
            cancel();
            resolve(result);
          },
          (error: unknown) => {
            cancel();
            reject(asUnavailable(error));
          },
        );
      });
    },
  };
}

/** The store's own words are kept where they are ours, and known to hold neither a key nor a token. */
function asUnavailable(error: unknown): OmniBoxError {
  return isOmniBoxError(error) ? error : unavailable(`it failed with ${kindOfError(error)}`);
}

function unavailable(what: string): OmniBoxError {
  return new OmniBoxError("LOCK.UNAVAILABLE", `the store of the locks cannot be used: ${what}`);
}
