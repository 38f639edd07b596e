import { defaults } from "../defaults.js";
import { describeFailure } from "../errors/describe-failure.js";
import { silentAbort } from "../internal/silent-abort.js";
import { waitOrAbort } from "../internal/wait-or-abort.js";
import type { Clock } from "../protocols/clock.js";
import type { LockClaim, LockStore } from "../protocols/lock-store.js";
import type { Logger } from "../protocols/logger.js";
import type { StoreRequests } from "./ask-store.js";

/** What giving back takes. */
export interface GiveBackParts {
  readonly store: LockStore;
  readonly requests: StoreRequests;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Gives a key back that is held, or that may be held since a request for it had no answer. Resolves after the first try; never rejects. */
export type GiveBack = (claim: LockClaim) => Promise<void>;

/**
 * A key that is not given back is free only when its time is over. So a release that fails is tried again a few times, in the
 * background: a connection that was cut is there again in a moment.
 */
export function createGiveBack({ store, requests, clock, logger }: GiveBackParts): GiveBack {
  async function attempt(claim: LockClaim): Promise<boolean> {
    try {
      await requests.ask(claim.ttlMs, (signal) => store.release(claim, signal));
      return true;
    } catch (error) {
      logger.debug({ error: describeFailure(error) }, "a lock could not be given back");
      return false;
    }
  }

  async function again(claim: LockClaim): Promise<void> {
    for (let tries = 1; tries <= defaults.lockGiveBackRetries; tries += 1) {
      await waitOrAbort(clock, defaults.lockGiveBackPauseMs * 2 ** (tries - 1), silentAbort);
      if (await attempt(claim)) return;
    }
  }

  return async (claim) => {
    if (!(await attempt(claim))) void again(claim);
  };
}
