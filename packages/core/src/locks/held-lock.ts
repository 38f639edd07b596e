import { describeFailure } from "../errors/describe-failure.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import { type LeaseDeadline, startLeaseDeadline } from "../processor/lease-deadline.js";
import type { CancelTimer } from "../protocols/clock.js";
import type { HeldLock } from "../protocols/distributed-lock.js";
import type { LockClaim } from "../protocols/lock-store.js";
import type { GiveBack, GiveBackParts } from "./give-back.js";

/** What a held lock works with. */
export interface HeldLockParts extends GiveBackParts {
  readonly claim: LockClaim;
  readonly fencingNumber: number;
  /** Counted from before the lock was asked for. */
  readonly deadline: LeaseDeadline;
  readonly giveBack: GiveBack;
}

/** Keeps a lock that was just taken: extends it after each third of its time, until it is released or lost. */
export function createHeldLock(parts: HeldLockParts): HeldLock {
  const { store, requests, claim, fencingNumber, giveBack, clock, logger } = parts;
  const { key, ttlMs } = claim;
  const loss = new AbortController();
  let { deadline } = parts;
  let isHeld = true;
  let released: Promise<void> | null = null;
  let cancelExtension: CancelTimer = () => undefined;
  let cancelExpiry: CancelTimer = () => undefined;

  function end(): void {
    isHeld = false;
    cancelExtension();
    cancelExpiry();
  }

  function lose(why: string): void {
    end();
    logger.warn({}, `a lock was lost: ${why}`);
    loss.abort(new OmniBoxError("LOCK.LOST", `the lock was lost: ${why}`));
    // It may be held all the same, where only its holder cannot know.
    released = giveBack(claim);
  }

  /** Also asked where no timer could have said it: the process may have been paused. */
  function loseIfOver(): void {
    if (isHeld && deadline.remainingMs() <= 0) lose("it could not be extended in time, or its holder was paused");
  }

  function watchExpiry(): void {
    cancelExpiry = clock.schedule(Math.max(0, deadline.remainingMs()), () => {
      loseIfOver();
      if (isHeld) watchExpiry();
    });
  }

  function extendAfter(delayMs: number): void {
    cancelExtension = clock.schedule(delayMs, () => void extend());
  }

  async function extend(): Promise<void> {
    loseIfOver();
    if (!isHeld) return;
    const extended = startLeaseDeadline(clock, ttlMs);
    const answer = await requests
      .ask(ttlMs, (signal) => store.extend(claim, signal))
      .catch((error: unknown) => {
        logger.debug({ error: describeFailure(error) }, "a lock could not be extended yet");
        return null;
      });
    // An answer that comes too late proves nothing of the time between.
    loseIfOver();
    if (!isHeld) return;
    if (answer === false) return lose("its store has forgotten it, or somebody else has it");
    if (answer === null) return extendAfter(ttlMs / 10);
    deadline = extended;
    extendAfter(Math.max(0, ttlMs / 3 - (ttlMs - extended.remainingMs())));
  }

  function release(): Promise<void> {
    if (isHeld) {
      end();
      released = giveBack(claim);
    }
    return released ?? Promise.resolve();
  }

  watchExpiry();
  extendAfter(Math.max(0, deadline.remainingMs() - (ttlMs * 2) / 3));
  return Object.freeze({
    key,
    fencingNumber,
    get signal() {
      loseIfOver();
      return loss.signal;
    },
    release,
    [Symbol.asyncDispose]: release,
  });
}
