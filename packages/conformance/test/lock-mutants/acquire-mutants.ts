import { isOmniBoxError } from "@omni-box/core";
import { acquireAs, type LockMutant } from "./lock-mutant.js";

/** Faults in who gets a lock, and when. */
export const acquireMutants: readonly LockMutant[] = [
  {
    fault: "a process has its own lock a second time",
    killedBy: "lock.acquire.exclusive",
    wrap: acquireAs((acquire) => {
      const helds = new Map<string, Awaited<ReturnType<typeof acquire>>>();
      return async (key, options) => {
        const held = (await acquire(key, options)) ?? helds.get(key) ?? null;
        helds.set(key, held);
        return held;
      };
    }),
  },
  {
    fault: "everybody has every lock",
    killedBy: "lock.acquire.contention",
    wrap: acquireAs((acquire) => {
      let count = 0;
      return (key, options) => {
        count += 1;
        return acquire(`${key.slice(0, 100)}${count}`, options);
      };
    }),
  },
  {
    fault: "keys are told apart without their spaces",
    killedBy: "lock.acquire.keys",
    wrap: acquireAs((acquire) => (key, options) => acquire(key.trim(), options)),
  },
  {
    fault: "nobody waits",
    killedBy: "lock.acquire.waits",
    wrap: acquireAs((acquire) => (key, options) => acquire(key, { ...options, waitMs: 0 })),
  },
  {
    fault: "the wait is not counted",
    killedBy: "lock.acquire.wait-ends",
    wrap: acquireAs(
      (acquire) => (key, options) =>
        acquire(key, options?.waitMs === 500 ? { ...options, waitMs: 120_000 } : (options ?? {})),
    ),
  },
  {
    fault: "everybody waits",
    killedBy: "lock.acquire.no-wait",
    wrap: acquireAs((acquire) => (key, options) => acquire(key, { waitMs: 10_000, ...options })),
  },
  {
    fault: "the signal is not listened to",
    killedBy: "lock.acquire.signal",
    wrap: acquireAs((acquire) => (key, options) => acquire(key, { ...options, signal: undefined })),
  },
  {
    fault: "an aborted wait is an error",
    killedBy: "lock.acquire.signal",
    wrap: acquireAs((acquire) => async (key, options) => {
      const held = await acquire(key, options);
      options?.signal?.throwIfAborted();
      return held;
    }),
  },
  {
    fault: "wrong options are set right",
    killedBy: "lock.acquire.invalid",
    wrap: acquireAs(
      (acquire) => (key, options) => acquire(key, { ...options, ttlMs: Math.max(100, options?.ttlMs || 10_000) }),
    ),
  },
  {
    fault: "a long key is cut",
    killedBy: "lock.acquire.invalid",
    wrap: acquireAs((acquire) => (key, options) => acquire(key.slice(0, 255), options)),
  },
  {
    fault: "an outage is taken for a lock that is held",
    killedBy: "lock.outage.acquire",
    wrap: acquireAs(
      (acquire) => (key, options) =>
        acquire(key, options).catch((error: unknown) => {
          if (isOmniBoxError(error, "LOCK.UNAVAILABLE")) return null;
          throw error;
        }),
    ),
  },
  {
    fault: "an outage is waited out",
    killedBy: "lock.outage.acquire",
    wrap: acquireAs(
      (acquire) => (key, options) =>
        acquire(key, options).catch((error: unknown) => {
          if ((options?.waitMs ?? 0) === 0) throw error;
          return new Promise<null>((resolve) => setTimeout(() => resolve(null), 10_000));
        }),
    ),
  },
];
