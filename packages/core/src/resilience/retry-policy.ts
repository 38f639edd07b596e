import { z } from "zod";
import { limits as sizes } from "../defaults.js";
import type { FailureDescription } from "../errors/describe-failure.js";
import type { BaseEvent } from "../events/outbox-event.js";

/** What a retry policy may go by: one counted failure of one event. */
export interface FailedAttempt {
  /** As it was before this failure: `attemptsMade` does not count it. */
  readonly event: BaseEvent;
  readonly failure: FailureDescription;
}

/** When an event is given up: when both are reached. */
export interface RetryLimits {
  /** Counted failures; default, and at most, the event's own `maxAttempts`. */
  readonly maxAttempts?: number | undefined;
  /**
   * An event whose attempts are used up is tried on, with its count standing still, until it is so old; default 0 ms.
   *
   * The age is counted from `createdAt`, which the database's clock gave, to the worker's own clock: one that is wrong by a minute
   * is wrong by a minute here, and nothing else. The age of a scheduled event counts from its insert too.
   */
  readonly minAgeMs?: number | undefined;
}

/**
 * Decides what follows a counted failure of an event. A policy of your own is an object with `delayMs`:
 *
 * ```ts
 * const retry: RetryPolicy = { delayMs: (attempt, { failure }) => (failure.code === "RATE_LIMITED" ? 60_000 : attempt * 1_000) };
 * ```
 *
 * It may be asked more than once about one failure. It should not throw: 300,000 ms stand in for a delay that is none, and the
 * defaults for limits that are none.
 */
export interface RetryPolicy {
  /**
   * How long the event backs off.
   *
   * @param attempt - the number of the attempt that has just failed, from 1; one more than the event's `maxAttempts` when those
   *   are used up and it is not old enough to be given up
   */
  delayMs(attempt: number, failed: FailedAttempt): number;
  /** When the event is given up; default: when its own `maxAttempts` are used up. */
  limits?(failed: FailedAttempt): RetryLimits;
}

/** The checked form of {@link RetryLimits} among the options of a policy. */
export const retryLimitOptions = {
  maxAttempts: z.int().min(1).max(sizes.maxAttemptsMax).optional(),
  minAgeMs: z.int().min(0).max(sizes.retryDelayMaxMs).optional(),
};
