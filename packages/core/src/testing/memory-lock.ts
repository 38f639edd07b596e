import { createDistributedLock, type DistributedLockOptions } from "../locks/create-distributed-lock.js";
import { type Clock, systemClock } from "../protocols/clock.js";
import type { DistributedLock } from "../protocols/distributed-lock.js";
import { createMemoryLockStore } from "./memory-lock-store.js";

/** Options of {@link createMemoryLock}. */
export interface MemoryLockOptions extends DistributedLockOptions {
  /** Default: the machine's. */
  readonly clock?: Clock | undefined;
}

/** A distributed lock within one process, whose store can be made to misbehave. */
export interface MemoryLock extends DistributedLock {
  /** Another process's way to the same locks, with options and a clock of its own. */
  connect(options?: DistributedLockOptions): DistributedLock;
  /** Whether anybody holds the lock of the key, as far as the store knows. */
  isHeld(key: string): boolean;
  /** Forgets all locks and the fencing numbers, as a server does that restarts empty. Holders learn of it when they extend. */
  forget(): void;
  /** From now on every request is refused, as by a server that is down. */
  disconnect(): void;
  /** Ends what `disconnect` began. */
  reconnect(): void;
  /** From now on requests are carried out, and answered, so much later, in order; 0: at once. For a server that is stopped or slow. */
  answerAfter(delayMs: number): void;
}

/** Creates a lock for tests that nobody holds. */
export function createMemoryLock(options: MemoryLockOptions = {}): MemoryLock {
  const store = createMemoryLockStore(options.clock ?? systemClock);
  return Object.freeze({
    ...createDistributedLock(store, options),
    connect: (given?: DistributedLockOptions) => createDistributedLock(store, given),
    isHeld: store.isHeld,
    forget: store.forget,
    disconnect: store.disconnect,
    reconnect: store.reconnect,
    answerAfter: store.answerAfter,
  });
}
