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
