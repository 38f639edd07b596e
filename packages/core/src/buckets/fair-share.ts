import type { BucketSurvey } from "../protocols/bucket-operations.js";

/** What one worker does to reach its share. */
export interface FairShare {
  /** Buckets that it lacks, whether as many are free or not. */
  readonly lacks: number;
  /** Buckets to give up; 0 for a worker that lacks some. */
  readonly giveUp: number;
  /** The even share, rounded down: with less this worker looks again soon. */
  readonly least: number;
}

/**
 * How many buckets a worker should acquire or give up, when each follows the same rule on its own.
 *
 * A worker acquires up to the even share rounded down, and up to that rounded up when no other is below the former. It gives up
 * what is above the share rounded up; and what is above the share rounded down while another is below it and the free buckets
 * are too few to help that one. So whatever the order in which workers look and act, they come to shares that differ by one at most, and stay there.
 *
 * @param owner - this worker, alive whether the survey lists it or not
 * @param kept - buckets that it knows to be its own and is not giving up. The survey may count more, whose acquisition was not
 *   answered, or fewer.
 */
export function fairShare({ workers, bucketCount, free }: BucketSurvey, owner: string, kept: number): FairShare {
  const others = workers.filter(({ id }) => id !== owner);
  const share = bucketCount / (others.length + 1);
  const [floor, ceil] = [Math.floor(share), Math.ceil(share)];
  const othersLack = others.reduce((sum, { owned }) => sum + Math.max(0, floor - owned), 0);
  const lacks = Math.max(0, (othersLack > 0 ? floor : ceil) - kept);
  const forOthers = Math.min(Math.max(0, kept - floor), Math.max(0, othersLack - free));
  return { lacks, giveUp: Math.max(0, kept - ceil, forOthers), least: floor };
}
