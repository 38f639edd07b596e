import type { HarnessLockOptions } from "@omni-box/conformance";
import type { DistributedLock, HeldLock } from "@omni-box/core";

/** A lock with one fault, and the case that has to notice it. */
export interface LockMutant {
  readonly fault: string;
  readonly killedBy: string;
  readonly wrap: (lock: DistributedLock, options?: HarnessLockOptions) => DistributedLock;
}

type Acquire = DistributedLock["acquire"];

/** A fault in `acquire`, of which `withLock` is made too. */
export function acquireAs(change: (acquire: Acquire) => Acquire): LockMutant["wrap"] {
  return (base) => {
    const acquire = change(base.acquire);
    return { acquire, withLock: withLockOver(acquire, base) };
  };
}

/** A fault in the held lock. */
export function heldAs(change: (held: HeldLock) => Partial<HeldLock>): LockMutant["wrap"] {
  return acquireAs((acquire) => async (key, options) => {
    const held = await acquire(key, options);
    return held === null ? null : withChanges(held, change(held));
  });
}

function withChanges(held: HeldLock, changes: Partial<HeldLock>): HeldLock {
  const release = changes.release ?? held.release;
  return {
    key: held.key,
    fencingNumber: held.fencingNumber,
    get signal() {
      return changes.signal ?? held.signal;
    },
    ...("fencingNumber" in changes ? { fencingNumber: changes.fencingNumber } : {}),
    ...("key" in changes ? { key: changes.key } : {}),
    release,
    [Symbol.asyncDispose]: changes[Symbol.asyncDispose] ?? release,
  } as HeldLock;
}

function withLockOver(acquire: Acquire, base: DistributedLock): DistributedLock["withLock"] {
  return async (key, work, options) => {
    const held = await acquire(key, options);
    // The base knows the right error.
    if (held === null) return base.withLock(key, work, options);
    try {
      return await work(held);
    } finally {
      await held.release();
    }
  };
}
