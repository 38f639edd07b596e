import { z } from "zod";
import { defaults } from "../defaults.js";
import { functionOption, milliseconds, validateOptions } from "../errors/validate-options.js";
import { fullJitterBackoffMs } from "./backoff.js";

/** Decides how long an event backs off after a counted failure. */
export interface RetryPolicy {
  /** @param attempt - the number of the attempt that has just failed, from 1 */
  delayMs(attempt: number): number;
}

/** Options of {@link exponentialRetry}. */
export interface ExponentialRetryOptions {
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
});

/**
 * The default policy: exponential backoff with full jitter.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function exponentialRetry(options: ExponentialRetryOptions = {}): RetryPolicy {
  const { baseMs, maxMs, random } = validateOptions("exponentialRetry", retryOptions, options, (valid) => {
    const { baseMs = Number.NaN, maxMs = Number.NaN } = valid;
    return baseMs > maxMs ? [`baseMs (${baseMs}) must not be longer than maxMs (${maxMs})`] : [];
  });
  return Object.freeze({ delayMs: (attempt: number) => fullJitterBackoffMs(attempt, baseMs, maxMs, random) });
}
