import { OmniBoxError } from "../errors/omni-box-error.js";
import type { Clock } from "../protocols/clock.js";
import type { LockClaim, LockStore } from "../protocols/lock-store.js";

/** A store of locks in memory, and what can be done to it. */
export interface MemoryLockStore extends LockStore {
  isHeld(key: string): boolean;
  forget(): void;
  disconnect(): void;
  reconnect(): void;
  answerAfter(delayMs: number): void;
}

interface Entry {
  readonly token: string;
  readonly fencingNumber: number;
  untilMs: number;
}

export function createMemoryLockStore(clock: Clock): MemoryLockStore {
  const entries = new Map<string, Entry>();
  let lastNumber = 0;
  let isReachable = true;
  let delayMs = 0;
  /** No request is carried out before one that came earlier. */
  let lastDueMs = 0;

  function live(key: string): Entry | null {
    const entry = entries.get(key);
    return entry === undefined || entry.untilMs <= clock.monotonicMs() ? null : entry;
  }

  function ofHolder({ key, token }: LockClaim): Entry | null {
    const entry = live(key);
    return entry?.token === token ? entry : null;
  }

  function carryOut<T>(operation: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const run = () => {
        if (isReachable) resolve(operation());
        else reject(new OmniBoxError("LOCK.UNAVAILABLE", "the memory of the locks was disconnected"));
      };
      const nowMs = clock.monotonicMs();
      lastDueMs = Math.max(lastDueMs, nowMs + delayMs);
      if (lastDueMs <= nowMs) run();
      else clock.schedule(lastDueMs - nowMs, run);
    });
  }

  return {
    take: (claim) =>
      carryOut(() => {
        const { key, token, ttlMs } = claim;
        const entry = live(key);
        if (entry !== null) return entry.token === token ? entry.fencingNumber : null;
        lastNumber += 1;
        entries.set(key, { token, fencingNumber: lastNumber, untilMs: clock.monotonicMs() + ttlMs });
        return lastNumber;
      }),
    extend: (claim) =>
      carryOut(() => {
        const entry = ofHolder(claim);
        if (entry === null) return false;
        entry.untilMs = clock.monotonicMs() + claim.ttlMs;
        return true;
      }),
    release: (claim) =>
      carryOut(() => {
        if (ofHolder(claim) !== null) entries.delete(claim.key);
      }),
    isHeld: (key) => live(key) !== null,
    forget() {
      entries.clear();
      lastNumber = 0;
    },
    disconnect() {
      isReachable = false;
    },
    reconnect() {
      isReachable = true;
    },
    answerAfter(ms) {
      delayMs = ms;
    },
  };
}
