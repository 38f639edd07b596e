import { z } from "zod";
import { defaults } from "../defaults.js";
import { functionOption, milliseconds, validateOptions } from "../errors/validate-options.js";
import { fullJitterBackoffMs } from "./backoff.js";
import { type RetryLimits, type RetryPolicy, retryLimitOptions } from "./retry-policy.js";

/** Options of {@link exponentialRetry}. */
export interface ExponentialRetryOptions extends RetryLimits {
  /** Ceiling of the first delay; default 1,000 ms. */
  readonly baseMs?: number | undefined;
  /** Ceiling of all delays; default 300,000 ms. */
  readonly maxMs?: number | undefined;
  /** A number from 0 to below 1; default `Math.random`. */
  readonly random?: (() => number) | undefined;
}

const retryOptions = z.strictObject({
  baseMs: milliseconds(1).default(defaults.retryBaseMs),
  maxMs: milliseconds(1).default(defaults.retryMaxMs),
  random: functionOption<() => number>("() => number").default(() => Math.random),
  ...retryLimitOptions,
});

/**
 * The default policy: exponential backoff with full jitter, a random time from 0 to `min(maxMs, baseMs * 2 ** (attempt - 1))`.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function exponentialRetry(options: ExponentialRetryOptions = {}): RetryPolicy {
  const valid = validateOptions("exponentialRetry", retryOptions, options, ({ baseMs = NaN, maxMs = NaN }) =>
    baseMs > maxMs ? [`baseMs (${baseMs}) must not be longer than maxMs (${maxMs})`] : [],
  );
  const { baseMs, maxMs, random, ...limits } = valid;
  return Object.freeze<RetryPolicy>({
    delayMs: (attempt) => fullJitterBackoffMs(attempt, baseMs, maxMs, random),
    limits: () => limits,
  });
}
