import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { DistributedLock, HeldLock, LockOptions } from "@omni-box/core";
import { settlesWithin } from "../settlement.js";

/** Short enough to wait for, and long enough not to be lost over a busy machine. */
export const shortTtlMs = 1_500;

/** A key that no other case uses. */
export function newKey(): string {
  return `order-${randomUUID()}`;
}

/** Acquires a lock that has to be free. */
export async function hold(lock: DistributedLock, key: string, options: LockOptions = {}): Promise<HeldLock> {
  const held = await lock.acquire(key, options);
  assert.ok(held !== null, "a lock that nobody holds could not be had");
  return held;
}

/** Resolves with the reason of a held lock's signal; rejects when it is not aborted in time. */
export function lossOf(held: HeldLock, limitMs: number): Promise<unknown> {
  const { signal } = held;
  const aborted = new Promise<unknown>((resolve) => {
    if (signal.aborted) resolve(signal.reason);
    else signal.addEventListener("abort", () => resolve(signal.reason), { once: true });
  });
  return settlesWithin(aborted, limitMs, "the loss of a lock");
}
