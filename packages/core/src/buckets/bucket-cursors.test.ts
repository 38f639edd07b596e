import { describe, expect, it } from "vitest";
import { createBucketCursors } from "./bucket-cursors.js";

function setUp(windowMs = 1_000) {
  let nowMs = 0;
  const cursors = createBucketCursors(windowMs, () => nowMs);
  const positionOf = (bucket: number) => cursors.positions([bucket], 10, () => 50)[0]?.afterSeq;
  return {
    cursors,
    positionOf,
    pass(ms: number) {
      nowMs += ms;
    },
  };
}

const everyBucket = [1, 2, 3, 4];

describe("cursors", () => {
  it("begin at the beginning, follow what was read, and leave the others where they are", () => {
    const { cursors, positionOf } = setUp();
    cursors.advance([
      { bucket: 1, seq: 5n },
      { bucket: 1, seq: 9n },
    ]);
    expect([positionOf(1), positionOf(2)]).toEqual([9n, 0n]);
  });

  it("go back to just before an event, never forward", () => {
    const { cursors, positionOf } = setUp();
    cursors.advance([{ bucket: 1, seq: 9n }]);
    cursors.rewind(1, 6n);
    expect(positionOf(1)).toBe(5n);
    cursors.rewind(1, 8n);
    expect(positionOf(1)).toBe(5n);
    cursors.rewind(2, 8n);
    expect(positionOf(2)).toBe(0n);
  });

  it("go back to where reading was a window ago, in every bucket", () => {
    const { cursors, positionOf, pass } = setUp(1_000);
    for (let seq = 1n; seq <= 30n; seq += 1n) {
      cursors.advance([{ bucket: Number(seq % 2n), seq }]);
      pass(100);
    }
    cursors.rewindRecent();
    // It is now 3,000 ms; at 2,000 ms event 21 was read.
    for (const bucket of [0, 1]) {
      expect(positionOf(bucket)).toBeLessThanOrEqual(21n);
      expect(positionOf(bucket)).toBeGreaterThanOrEqual(18n);
    }
  });

  it("go all the way back, and stay where they are when nothing was read for long", () => {
    const { cursors, positionOf, pass } = setUp(1_000);
    cursors.advance([{ bucket: 1, seq: 9n }]);
    pass(60_000);
    cursors.rewindRecent();
    expect(positionOf(1)).toBe(9n);
    cursors.rewindAll();
    expect(positionOf(1)).toBe(0n);
  });
});

describe("a read", () => {
  it("begins behind the bucket that was read last, so that all get their turn", () => {
    const { cursors } = setUp();
    const order = () => cursors.positions(everyBucket, 10, () => 50).map(({ bucket }) => bucket);
    expect(order()).toEqual([1, 2, 3, 4]);
    cursors.advance([
      { bucket: 1, seq: 1n },
      { bucket: 2, seq: 2n },
    ]);
    expect(order()).toEqual([3, 4, 1, 2]);
  });

  it("asks busy buckets for two shares of the batch, others for a few, and none for more than may be in hand of it", () => {
    const { cursors } = setUp();
    cursors.advance([
      { bucket: 1, seq: 1n },
      { bucket: 2, seq: 2n },
    ]);
    const room = new Map([
      [1, 50],
      [2, 7],
      [3, 50],
      [4, 0],
    ]);
    const limits = cursors.positions(everyBucket, 40, (bucket) => room.get(bucket) ?? 0);
    expect(Object.fromEntries(limits.map(({ bucket, limit }) => [bucket, limit]))).toEqual({ 1: 40, 2: 7, 3: 8 });
  });
});
