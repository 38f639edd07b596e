/** Rates at which tokens are given out, one bucket of them for each key. All times are those of one monotonic clock. */
export interface TokenBuckets {
  /**
   * Takes a token if it can be had within `maxWaitMs`.
   *
   * @returns `isTaken`: how long to wait for it. Else nothing is taken, and `waitMs` says when to ask again: those who are sent
   *   away are spread as the tokens will come
   */
  take(key: string, nowMs: number, maxWaitMs: number): { readonly isTaken: boolean; readonly waitMs: number };
  readonly size: number;
}

interface Bucket {
  /** When the tokens given out so far are made up for ("theoretical arrival time"): the bucket is full from then on. */
  fullAtMs: number;
  /** Until when turns were named to those who were sent away. */
  namedToMs: number;
}

/** How a bucket fills. */
export interface TokenBucketOptions {
  readonly perSecond: number;
  /** Tokens in a full bucket. */
  readonly burst: number;
  /** Nobody is sent away for longer than the tokens need, and this. */
  readonly putOffMaxMs: number;
}

const sweepAtFirst = 1_000;

/**
 * Token buckets as one number per key, by the generic cell rate algorithm (ITU-T I.371): within any time `t` at most
 * `burst + perSecond * t / 1000` tokens are given out. Keys whose bucket is full are forgotten.
 */
export function createTokenBuckets({ perSecond, burst, putOffMaxMs }: TokenBucketOptions): TokenBuckets {
  const intervalMs = 1_000 / perSecond;
  const toleranceMs = (burst - 1) * intervalMs;
  const buckets = new Map<string, Bucket>();
  let sweepAt = sweepAtFirst;

  function bucketOf(key: string, nowMs: number): Bucket {
    const present = buckets.get(key);
    if (present !== undefined) return present;
    if (buckets.size >= sweepAt) {
      for (const [name, { fullAtMs, namedToMs }] of buckets) {
        if (fullAtMs <= nowMs && namedToMs <= nowMs) buckets.delete(name);
      }
      sweepAt = Math.max(sweepAtFirst, buckets.size * 2);
    }
    const bucket: Bucket = { fullAtMs: nowMs, namedToMs: nowMs };
    buckets.set(key, bucket);
    return bucket;
  }

  return {
    get size() {
      return buckets.size;
    },
    take(key, nowMs, maxWaitMs) {
      const bucket = bucketOf(key, nowMs);
      const from = Math.max(bucket.fullAtMs, nowMs);
      const waitMs = Math.max(0, from - toleranceMs - nowMs);
      if (waitMs <= maxWaitMs) {
        bucket.fullAtMs = from + intervalMs;
        return { isTaken: true, waitMs };
      }
      const namedMs = Math.max(bucket.namedToMs - nowMs, waitMs);
      if (namedMs > waitMs + putOffMaxMs) return { isTaken: false, waitMs: waitMs + putOffMaxMs };
      bucket.namedToMs = nowMs + namedMs + intervalMs;
      return { isTaken: false, waitMs: namedMs };
    },
  };
}
