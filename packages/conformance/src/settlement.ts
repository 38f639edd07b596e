import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { classifyFailure, type ErrorCode, isOmniBoxError } from "@omni-box/core";

/** What an adapter may take on top of its time-out on a busy machine. */
export const allowanceMs = 3_000;

/** Waits for a promise that has to settle in time, and fails when it does not. */
export async function settlesWithin<Value>(promise: Promise<Value>, limitMs: number, what: string): Promise<Value> {
  const watch = new AbortController();
  const tooLate = pause(limitMs, undefined, { signal: watch.signal }).then(() =>
    assert.fail(`${what} did not settle within ${limitMs} ms`),
  );
  // The watch ends with an AbortError that nobody waits for.
  tooLate.catch(() => undefined);
  try {
    return await Promise.race([promise, tooLate]);
  } finally {
    watch.abort();
  }
}

/** Waits for a promise that has to reject in time with one of the codes. */
export async function rejectsWith(
  promise: Promise<unknown>,
  codes: readonly ErrorCode[],
  limitMs: number,
): Promise<void> {
  const outcome = await settlesWithin(
    outcomeOf(promise),
    limitMs,
    `a call that should reject with ${codes.join(" or ")}`,
  );
  assert.ok(
    codes.some((code) => code === outcome),
    `expected ${codes.join(" or ")}, the call gave ${outcome}`,
  );
}

/** `"resolved"`, the code of an omni-box error, or a description of a foreign one. Never rejects. */
export async function outcomeOf(promise: Promise<unknown>): Promise<"resolved" | ErrorCode | `foreign: ${string}`> {
  try {
    await promise;
    return "resolved";
  } catch (error) {
    return isOmniBoxError(error) ? error.code : `foreign: ${String(error)}`;
  }
}

/** Repeats a check until it passes; rethrows its last failure after 15 seconds. For what has no signal, such as health or a queue's length. */
export function eventually(check: () => void | Promise<void>): Promise<void> {
  return repeatWhile(() => true, check);
}

/** Repeats a publish through an outage: until it succeeds, fails otherwise than transiently, or 15 seconds are over. */
export function eventuallyPublishes(publish: () => Promise<void>): Promise<void> {
  return repeatWhile((error) => classifyFailure(error) === "transient", publish);
}

const longestReconnectionMs = 15_000;
const repetitionPauseMs = 20;

async function repeatWhile(isPassing: (error: unknown) => boolean, action: () => void | Promise<void>): Promise<void> {
  const deadlineMs = performance.now() + longestReconnectionMs;
  for (;;) {
    try {
      return await action();
    } catch (error) {
      if (!isPassing(error) || performance.now() > deadlineMs) throw error;
      await pause(repetitionPauseMs);
    }
  }
}
