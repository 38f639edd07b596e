import { isOmniBoxError } from "@omni-box/core";
import { heldAs, type LockMutant } from "./lock-mutant.js";

const silent = new AbortController().signal;

/** Faults of a held lock, and of work under it. */
export const heldMutants: readonly LockMutant[] = [
  {
    fault: "a release does nothing",
    killedBy: "lock.acquire.at-once",
    wrap: heldAs(() => ({ release: async () => undefined })),
  },
  {
    fault: "a release is for later",
    killedBy: "lock.acquire.at-once",
    wrap: heldAs((held) => ({ release: async () => void setTimeout(() => held.release(), 100) })),
  },
  {
    fault: "the fencing number stays",
    killedBy: "lock.acquire.fencing-number",
    wrap: heldAs(() => ({ fencingNumber: 1 })),
  },
  {
    fault: "the key has its prefix",
    killedBy: "lock.acquire.keys",
    wrap: heldAs(({ key }) => ({ key: `prefix:${key}` })),
  },
  {
    fault: "a second release rejects",
    killedBy: "lock.hold.release-again",
    wrap: heldAs((held) => {
      let isReleased = false;
      return {
        async release() {
          if (isReleased) throw new Error("released already");
          isReleased = true;
          await held.release();
        },
      };
    }),
  },
  {
    fault: "a release aborts the signal",
    killedBy: "lock.hold.release-again",
    wrap: heldAs((held) => {
      const released = new AbortController();
      return {
        signal: released.signal,
        async release() {
          released.abort();
          await held.release();
        },
      };
    }),
  },
  {
    fault: "the end of the block releases nothing",
    killedBy: "lock.hold.disposed",
    wrap: heldAs(() => ({ [Symbol.asyncDispose]: async () => undefined })),
  },
  {
    fault: "a holder is never told of a loss",
    killedBy: "lock.loss.paused",
    wrap: heldAs(() => ({ signal: silent })),
  },
  {
    fault: "a forgotten lock is taken for held",
    killedBy: "lock.loss.forgotten",
    wrap: heldAs(() => ({ signal: silent })),
  },
  {
    fault: "a holder that cannot extend its lock is not told",
    killedBy: "lock.outage.loss",
    wrap: heldAs(() => ({ signal: silent })),
  },
  {
    fault: "a loss has a reason of its own",
    killedBy: "lock.loss.forgotten",
    wrap: heldAs((held) => {
      const lost = new AbortController();
      held.signal.addEventListener("abort", () => lost.abort(new Error("lost")));
      return { signal: lost.signal };
    }),
  },
  {
    fault: "a release without the store rejects",
    killedBy: "lock.outage.release",
    wrap: (base) =>
      heldAs((held) => ({
        async release() {
          const probe = await base.acquire(`${held.key}-probe`);
          await probe?.release();
          await held.release();
        },
      }))(base),
  },
];

/** Faults of `withLock` alone. */
export const withLockMutants: readonly LockMutant[] = [
  {
    fault: "the work runs without the lock",
    killedBy: "lock.with-lock.result",
    wrap: (base) => ({
      ...base,
      async withLock(key, work, options) {
        const held = await base.acquire(key, options);
        await held?.release();
        if (held === null) return base.withLock(key, work, options);
        return work(held);
      },
    }),
  },
  {
    fault: "the work runs although another holds the lock",
    killedBy: "lock.with-lock.held",
    wrap: (base) => ({
      ...base,
      async withLock(key, work, options) {
        const held = (await base.acquire(key, options)) ?? (await base.acquire(`${key}-instead`));
        if (held === null) return base.withLock(key, work, options);
        await using _released = held;
        return await work(held);
      },
    }),
  },
  {
    fault: "a failed work keeps the lock",
    killedBy: "lock.with-lock.failure",
    wrap: (base) => ({
      ...base,
      async withLock(key, work, options) {
        const held = await base.acquire(key, options);
        if (held === null) return base.withLock(key, work, options);
        const result = await work(held);
        await held.release();
        return result;
      },
    }),
  },
  {
    fault: "the work's error is wrapped",
    killedBy: "lock.with-lock.failure",
    wrap: (base) => ({
      ...base,
      withLock: (key, work, options) =>
        base.withLock(key, work, options).catch((error: unknown) => {
          throw isOmniBoxError(error) ? error : new Error("the work failed", { cause: error });
        }),
    }),
  },
  {
    fault: "withLock does not wait",
    killedBy: "lock.with-lock.waits",
    wrap: (base) => ({ ...base, withLock: (key, work) => base.withLock(key, work) }),
  },
];
