import { defaults } from "../defaults.js";
import type { FailedAttempt, RetryLimits, RetryPolicy } from "./retry-policy.js";

/** Asks a retry policy, which may be the application's: its bugs must not keep an outcome from being recorded. */
export interface RetryDecisions {
  /** `null` when the policy has no answer. */
  delayMs(failed: FailedAttempt): number | null;
  /** Whether the event is given up after this failure. */
  givesUp(failed: FailedAttempt): boolean;
}

/** @param nowMs - the worker's wall clock */
export function createRetryDecisions(policy: RetryPolicy, nowMs: () => number): RetryDecisions {
  function limitsFor(failed: FailedAttempt): RetryLimits {
    return answerOf(() => policy.limits?.(failed)) ?? {};
  }

  return {
    delayMs(failed) {
      const delayMs = answerOf(() => policy.delayMs(failed.event.attemptsMade + 1, failed));
      return typeof delayMs === "number" && !Number.isNaN(delayMs) ? delayMs : null;
    },
    givesUp(failed) {
      const { attemptsMade, maxAttempts, createdAt } = failed.event;
      const given = limitsFor(failed);
      // The row's own limit is a rule of the table, which no policy can raise.
      if (attemptsMade + 1 < Math.min(maxAttempts, numberOr(maxAttempts, given.maxAttempts))) return false;
      return nowMs() - createdAt.getTime() >= numberOr(defaults.retryMinAgeMs, given.minAgeMs);
    },
  };
}

function numberOr(fallback: number, given: unknown): number {
  return typeof given === "number" && !Number.isNaN(given) ? given : fallback;
}

function answerOf<T>(ask: () => T): T | null {
  try {
    return ask();
  } catch {
    // A policy that throws is a policy without an answer.
    return null;
  }
}
