import { randomUUID } from "node:crypto";
import { z } from "zod";
import { defaults, limits } from "../defaults.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import { expecting, milliseconds, objectWith, validateOptions } from "../errors/validate-options.js";
import { cautiousLogger } from "../internal/cautious-logger.js";
import { silentAbort } from "../internal/silent-abort.js";
import { waitOrAbort } from "../internal/wait-or-abort.js";
import { startLeaseDeadline } from "../processor/lease-deadline.js";
import { type Clock, systemClock } from "../protocols/clock.js";
import type { DistributedLock, HeldLock, LockOptions } from "../protocols/distributed-lock.js";
import type { LockClaim, LockStore } from "../protocols/lock-store.js";
import { consoleLogger, type Logger } from "../protocols/logger.js";
import { createStoreRequests } from "./ask-store.js";
import { createGiveBack } from "./give-back.js";
import { createHeldLock } from "./held-lock.js";

/** Options of {@link createDistributedLock}. */
export interface DistributedLockOptions {
  /** The longest that one request to the store may take; default 1,000 ms, and never more than a third of a lock's `ttlMs`. */
  readonly requestTimeoutMs?: number | undefined;
  /** Told when a lock is lost; default: warnings and errors on stderr. No line holds a key. */
  readonly logger?: Logger | undefined;
  readonly clock?: Clock | undefined;
}

const lockOptions = z.strictObject({
  store: objectWith<LockStore>("a store of locks", "take", "extend", "release"),
  requestTimeoutMs: milliseconds(1).default(defaults.lockRequestTimeoutMs),
  logger: objectWith<Logger>("a logger", "debug", "info", "warn", "error")
    .default(consoleLogger)
    .transform(cautiousLogger),
  clock: objectWith<Clock>("a clock", "now", "monotonicMs", "schedule").default(systemClock),
});

const acquireOptions = z.strictObject({
  key: z.string().min(1).max(limits.lockKeyMaxLength),
  ttlMs: milliseconds(limits.lockTtlMinMs).default(defaults.lockTtlMs),
  waitMs: milliseconds(0).default(0),
  signal: expecting<AbortSignal>("an AbortSignal", (value) => value instanceof AbortSignal).default(silentAbort),
});

/**
 * Makes a lock of a store that knows only three atomic operations: waiting, extension from a timer, loss and its signal are done here.
 *
 * A lock counts as lost from `ttlMs` after the start of its last extension that succeeded, on the monotonic or the wall clock, whichever
 * says so first. After a request without an answer the key is given back, so that no lock is left behind that nobody knows of.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function createDistributedLock(store: LockStore, options: DistributedLockOptions = {}): DistributedLock {
  const { requestTimeoutMs, logger, clock } = validateOptions("createDistributedLock", lockOptions, {
    ...options,
    store,
  });
  const requests = createStoreRequests(clock, requestTimeoutMs);
  const giveBack = createGiveBack({ store, requests, clock, logger });

  async function tryOnce(key: string, ttlMs: number, signal: AbortSignal): Promise<HeldLock | null> {
    const claim: LockClaim = { key, token: randomUUID(), ttlMs };
    const deadline = startLeaseDeadline(clock, ttlMs);
    const taking = requests.ask(ttlMs, (givenUp) => store.take(claim, givenUp));
    try {
      const fencingNumber = await unlessAborted(taking, signal);
      if (fencingNumber === null) return null;
      if (fencingNumber !== "aborted" && deadline.remainingMs() > 0)
        return createHeldLock({ claim, fencingNumber, deadline, store, requests, giveBack, clock, logger });
    } catch (error) {
      void giveBack(claim);
      throw error;
    }
    void giveBack(claim);
    if (signal.aborted) return null;
    throw new OmniBoxError("LOCK.UNAVAILABLE", "the lock was had only after its time was over: the process was paused");
  }

  async function acquire(key: string, given: LockOptions = {}): Promise<HeldLock | null> {
    const { ttlMs, waitMs, signal } = validateOptions("acquire", acquireOptions, { ...given, key });
    const waitUntilMs = clock.monotonicMs() + waitMs;
    for (let looks = 1; !signal.aborted; looks += 1) {
      const held = await tryOnce(key, ttlMs, signal);
      if (held !== null) return held;
      const leftMs = waitUntilMs - clock.monotonicMs();
      if (leftMs <= 0) break;
      await waitOrAbort(clock, Math.min(leftMs, pauseMs(looks)), signal);
    }
    return null;
  }

  return Object.freeze<DistributedLock>({
    acquire,
    async withLock(key, work, given) {
      const held = await acquire(key, given);
      if (held === null) throw heldByAnother();
      try {
        return await work(held);
      } finally {
        await held.release();
      }
    },
  });
}

/** Grows while the lock stays taken, and differs between those that wait, so that they do not ask all at once. */
function pauseMs(looks: number): number {
  const ceilingMs = Math.min(defaults.lockPollMaxMs, defaults.lockPollMinMs * 2 ** Math.min(looks - 1, 16));
  return ceilingMs * (0.5 + Math.random() / 2);
}

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | "aborted"> {
  return new Promise((resolve, reject) => {
    const onAbort = () => resolve("aborted");
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

function heldByAnother(): OmniBoxError {
  return new OmniBoxError(
    "LOCK.HELD_BY_ANOTHER",
    "somebody else holds the lock and did not give it up in time: try again later, or raise waitMs",
  );
}
