import { partitionBucket } from "@omni-box/core";

/** One key of each of the 64 buckets, in the order of the buckets. */
export function keyOfEachBucket(): readonly string[] {
  const keys = new Map<number, string>();
  for (let number = 0; keys.size < 64; number += 1) {
    const key = `key-${number}`;
    const bucket = partitionBucket(key, 64);
    if (!keys.has(bucket)) keys.set(bucket, key);
  }
  return [...keys].sort(([a], [b]) => a - b).map(([, key]) => key);
}
