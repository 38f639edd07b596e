/** Names the function below. Recorded in the database, so that a change of the function can never go unnoticed. */
export const partitionHashVersion = 1;

/**
 * Maps a partition key to its bucket: FNV-1a over the UTF-8 bytes, then the finaliser of MurmurHash3, modulo `bucketCount`.
 *
 * Written in TypeScript rather than SQL so that every database agrees. FNV: http://www.isthe.com/chongo/tech/comp/fnv/
 */
export function partitionBucket(partitionKey: string, bucketCount: number): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(partitionKey, "utf8")) hash = Math.imul(hash ^ byte, 0x01000193);
  // FNV alone spreads short keys unevenly over small moduli.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) % bucketCount;
}
