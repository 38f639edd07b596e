import { describe, expect, it } from "vitest";
import { createBucketCursors } from "./bucket-cursors.js";

function setUp() {
  const cursors = createBucketCursors();
  const positionOf = (bucket: number) =>
    cursors.positions(
      [bucket],
      extent(10, () => 50),
    )[0]?.afterSeq;
  return { cursors, positionOf };
}

const everyBucket = [1, 2, 3, 4];
const extent = (limit: number, ofBucket: (bucket: number) => number, beginnings = 100) => ({
  limit,
  ofBucket,
  beginnings,
});

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

  it("go back to one place in all buckets, none forward, and all the way", () => {
    const { cursors, positionOf } = setUp();
    cursors.advance([
      { bucket: 1, seq: 9n },
      { bucket: 2, seq: 4n },
    ]);
    cursors.rewindTo(6n);
    expect([1, 2, 3].map(positionOf)).toEqual([6n, 4n, 0n]);
    cursors.rewindAll();
    expect([1, 2, 3].map(positionOf)).toEqual([0n, 0n, 0n]);
  });

  it("of buckets that are read to their end go to the highest number that was read of any", () => {
    const { cursors, positionOf } = setUp();
    cursors.advance([
      { bucket: 1, seq: 9n },
      { bucket: 2, seq: 4n },
    ]);
    cursors.atEnd([2, 3]);
    expect([1, 2, 3, 4].map(positionOf)).toEqual([9n, 9n, 9n, 0n]);
  });
});

describe("a read", () => {
  it("begins behind the bucket that was read last, so that all get their turn", () => {
    const { cursors } = setUp();
    const order = () =>
      cursors
        .positions(
          everyBucket,
          extent(10, () => 50),
        )
        .map(({ bucket }) => bucket);
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
    const limits = cursors.positions(
      everyBucket,
      extent(40, (bucket) => room.get(bucket) ?? 0),
    );
    expect(Object.fromEntries(limits.map(({ bucket, limit }) => [bucket, limit]))).toEqual({ 1: 40, 2: 7, 3: 8 });
  });
});

describe("a read that may begin with few buckets only", () => {
  const read = (cursors: ReturnType<typeof setUp>["cursors"], beginnings: number) =>
    cursors.positions(
      everyBucket,
      extent(10, () => 50, beginnings),
    );

  it("takes those in turn that have yet to be read, and all that were read further in any case", () => {
    const { cursors } = setUp();
    cursors.advance([{ bucket: 3, seq: 9n }]);
    const first = read(cursors, 2).map(({ bucket }) => bucket);
    expect(first.toSorted()).toEqual([1, 2, 3]);
    cursors.atEnd([1, 2]);
    expect([1, 2, 3, 4].map(cursors.isToDo)).toEqual([false, false, false, true]);
    expect(read(cursors, 2).map(({ bucket }) => bucket)).toContain(4);
  });

  it("gives each its turn also when nothing has ever come, and says so only when all have had it", () => {
    const { cursors } = setUp();
    for (let round = 0; round < 2; round += 1) {
      const asked: number[] = [];
      for (let reads = 1; reads <= 4; reads += 1) {
        const [position] = read(cursors, 1);
        asked.push(position?.bucket ?? -1);
        cursors.atEnd([position?.bucket ?? -1]);
        // As before each read, while nothing has come.
        cursors.rewindTo(0n);
        expect(everyBucket.filter(cursors.isToDo)).toHaveLength(4 - reads);
      }
      expect(asked.toSorted()).toEqual(everyBucket);
    }
  });

  it("looks at those first, since others may fill the batch", () => {
    const { cursors } = setUp();
    cursors.advance([
      { bucket: 1, seq: 8n },
      { bucket: 3, seq: 9n },
    ]);
    expect(read(cursors, 1).map(({ bucket }) => bucket)).toEqual([2, 1, 3]);
    expect(read(cursors, 1).map(({ bucket }) => bucket)).toEqual([4, 1, 3]);
  });

  it("spends no turn on a bucket of which no more may be in hand", () => {
    const { cursors } = setUp();
    const room = (bucket: number) => (bucket === 1 ? 0 : 50);
    const asked: number[] = [];
    for (let reads = 0; reads < 3; reads += 1) {
      const [position] = cursors.positions(everyBucket, extent(10, room, 1));
      asked.push(position?.bucket ?? -1);
      cursors.atEnd([position?.bucket ?? -1]);
    }
    expect(asked.toSorted()).toEqual([2, 3, 4]);
  });

  it("has to read again where it goes back to the beginning for one event", () => {
    const { cursors } = setUp();
    cursors.atEnd(everyBucket);
    expect(everyBucket.some(cursors.isToDo)).toBe(false);
    cursors.rewind(3, 1n);
    expect(everyBucket.filter(cursors.isToDo)).toEqual([3]);
  });

  it("begins anew with all of them after everything was rewound", () => {
    const { cursors } = setUp();
    for (const rewind of [() => cursors.rewindAll(), () => cursors.rewindTo(0n)]) {
      cursors.advance(everyBucket.map((bucket) => ({ bucket, seq: 5n })));
      rewind();
      expect(everyBucket.every(cursors.isToDo)).toBe(true);
      expect(read(cursors, 1)).toHaveLength(1);
    }
  });
});
