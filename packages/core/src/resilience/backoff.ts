import { defaults } from "../defaults.js";

/**
 * The backoff of a whole worker while what it needs is away. Never less than a tenth of the ceiling: full jitter alone may draw a row
 * of zeros and hammer what is down.
 *
 * @param n - which failure in a row this is, from 1
 */
export function outageBackoffMs(n: number): number {
  const { outageBaseMs, outageMaxMs } = defaults;
  const ceiling = Math.min(outageMaxMs, outageBaseMs * 2 ** Math.min(n - 1, 16));
  return Math.max(ceiling / 10, fullJitterBackoffMs(n, outageBaseMs, outageMaxMs));
}

/**
 * Exponential backoff with full jitter: a uniformly random whole number of milliseconds from 0 to `min(maxMs, baseMs * 2 ** (n - 1))`.
 *
 * Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 *
 * @param n - which failure in a row this is, from 1
 */
export function fullJitterBackoffMs(
  n: number,
  baseMs: number,
  maxMs: number,
  random: () => number = Math.random,
): number {
  // 2 ** 1023 is the largest finite power; beyond it the ceiling holds anyway.
  const ceiling = Math.min(maxMs, baseMs * 2 ** Math.min(n - 1, 1_000));
  return Math.floor(random() * (ceiling + 1));
}
