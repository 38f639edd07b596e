import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { partitionBucket, partitionHashVersion } from "./partition-bucket.js";

describe("partitionBucket", () => {
  // Fixed values. If one changes, stored rows are looked for in the wrong bucket: a new hash needs a new hash version and a migration.
  it.each([
    ["", 64, 11],
    ["a", 64, 51],
    ["order-1", 64, 28],
    ["order-2", 64, 0],
    ["018f4e2c-7b1a-7c3d-9e4f-5a6b7c8d9e0f", 64, 15],
    ["größe", 64, 60],
    ["漢字", 64, 53],
    ["😀", 64, 10],
    ["order-1", 1, 0],
    ["order-1", 7, 4],
    ["order-1", 1_000, 732],
    ["order-1", 32_767, 32_414],
  ])("puts %j of %i buckets into bucket %i for ever", (key, bucketCount, bucket) => {
    expect(partitionHashVersion).toBe(1);
    expect(partitionBucket(key, bucketCount)).toBe(bucket);
  });

  it("answers with a whole number from 0 to below the bucket count, for any key", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.integer({ min: 1, max: 32_767 }), (key, bucketCount) => {
        const bucket = partitionBucket(key, bucketCount);
        expect(Number.isInteger(bucket) && bucket >= 0 && bucket < bucketCount).toBe(true);
      }),
    );
  });

  it.each([
    ["numbers", (index: number) => String(index)],
    ["prefixed numbers", (index: number) => `customer-${index}`],
    ["numbers in steps of 64", (index: number) => String(index * 64)],
    [
      "uuids that differ at the end",
      (index: number) => `018f4e2c-7b1a-7c3d-9e4f-${index.toString(16).padStart(12, "0")}`,
    ],
  ])("spreads %s evenly", (_name, keyOf) => {
    const keys = 64_000;
    const counts = new Array<number>(64).fill(0);
    for (let index = 0; index < keys; index += 1) {
      const bucket = partitionBucket(keyOf(index), 64);
      counts[bucket] = (counts[bucket] ?? 0) + 1;
    }
    // 1,000 expected in each, with a standard deviation of 31.
    expect(Math.min(...counts)).toBeGreaterThan(850);
    expect(Math.max(...counts)).toBeLessThan(1_150);
  });
});
