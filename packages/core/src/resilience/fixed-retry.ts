import { z } from "zod";
import { functionOption, milliseconds, validateOptions } from "../errors/validate-options.js";
import { type RetryLimits, type RetryPolicy, retryLimitOptions } from "./retry-policy.js";

/** Options of {@link fixedRetry}. */
export interface FixedRetryOptions extends RetryLimits {
  /** The same after each failure. */
  readonly delayMs: number;
  /** A random time up to this comes on top, so that events which failed together do not come again together; default 0 ms. */
  readonly jitterMs?: number | undefined;
  /** A number from 0 to below 1; default `Math.random`. */
  readonly random?: (() => number) | undefined;
}

const retryOptions = z.strictObject({
  delayMs: milliseconds(0),
  jitterMs: milliseconds(0).default(0),
  random: functionOption<() => number>("() => number").default(() => Math.random),
  ...retryLimitOptions,
});

/**
 * A policy that always waits for the same time.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function fixedRetry(options: FixedRetryOptions): RetryPolicy {
  const { delayMs, jitterMs, random, ...limits } = validateOptions("fixedRetry", retryOptions, options);
  return Object.freeze<RetryPolicy>({
    delayMs: () => delayMs + Math.floor(random() * (jitterMs + 1)),
    limits: () => limits,
  });
}
