import { describe, expect, it } from "vitest";
import { sampleDraft, sampleDrafts, storeEvents } from "../../test/sample-events.js";
import type { BaseEvent } from "../events/outbox-event.js";
import { createMemoryOutboxRepository } from "../testing/memory-outbox-repository.js";
import { createBucketReader } from "./bucket-reader.js";

const buckets = Array.from({ length: 64 }, (_, bucket) => bucket);
const most = 200;

type EventPlace = Pick<BaseEvent, "seq" | "bucket">;

/** A reader whose reads each take so long. */
function setUp(readMs: number) {
  let nowMs = 0;
  let failures = 0;
  let fullBucket: number | null = null;
  const inHand: EventPlace[] = [];
  const leftOut: bigint[] = [];
  let onRead: () => void = () => undefined;
  const asked: number[] = [];
  const repository = createMemoryOutboxRepository();
  const reader = createBucketReader({
    operations: {
      async read(request) {
        nowMs += readMs;
        asked.push(...request.from.map(({ bucket }) => bucket));
        leftOut.splice(0, leftOut.length, ...request.exceptSeqs);
        onRead();
        if (failures > 0) {
          failures -= 1;
          throw new Error("it took too long");
        }
        return repository.buckets.read(request);
      },
      peek: (request) => repository.buckets.peek(request),
    },
    held: {
      seqs: (isMeant) => inHand.filter(({ seq, bucket }) => isMeant(seq, bucket)).map(({ seq }) => seq),
      countOf: (bucket) => (bucket === fullBucket ? most : 0),
    },
    parked: { keys: () => [] },
    nowMs: () => nowMs,
  });
  return {
    repository,
    reader,
    asked,
    failNext: (times: number) => {
      failures = times;
    },
    /** What the last read was told to leave out. */
    leftOut,
    hold: (event: EventPlace) => void inHand.push(event),
    fill: (bucket: number | null) => {
      fullBucket = bucket;
    },
    whileReading: (then: () => void) => {
      onRead = then;
    },
    /** Reads on, from the beginning where that is due. */
    async read(limit: number) {
      for (const bucket of reader.dueAgain(buckets)) reader.forget(bucket);
      return reader.readOn(buckets, limit, most);
    },
  };
}

describe("a reader of buckets", () => {
  it("gets behind any number of events that wait, however long it takes to read them", async () => {
    const { repository, read } = setUp(100);
    const partitionKey = "waits";
    await storeEvents(repository, sampleDrafts(3_000, { partitionKey }));
    await storeEvents(repository, [sampleDraft({ partitionKey, aggregateId: "behind" })]);
    let isFound = false;
    for (let reads = 0; reads < 500 && !isFound; reads += 1) {
      const { rows } = await read(50);
      isFound = rows?.some(({ event }) => event.aggregateId === "behind") ?? false;
    }
    expect(isFound).toBe(true);
  });

  it("finds again and again what is pending behind its cursors, also in a bucket of which there is always more", async () => {
    const { repository, read, hold } = setUp(200);
    await storeEvents(repository, sampleDrafts(100, { partitionKey: "hot" }));
    let timesRead = 0;
    for (let reads = 0; reads < 1_000 && timesRead < 3; reads += 1) {
      await storeEvents(repository, sampleDrafts(10, { partitionKey: "hot" }));
      const { rows } = await read(10);
      if (rows?.some(({ event }) => event.seq === 1n)) timesRead += 1;
      for (const { event } of rows ?? []) if (event.seq > 100n) hold(event);
    }
    expect(timesRead).toBe(3);
  });

  it("that may begin with one bucket at a time says that nothing is there when it has asked all", async () => {
    // Neither so short that it takes more at once, nor too long.
    const { asked, failNext, reader } = setUp(100);
    const read = () => reader.readOn(buckets, 500, most);
    failNext(4);
    for (let failures = 0; failures < 4; failures += 1) await expect(read()).rejects.toThrow();
    for (let round = 0; round < 3; round += 1) {
      asked.length = 0;
      for (let reads = 1; (await read()).hasMore; reads += 1) expect(reads).toBeLessThan(64);
      expect(asked.toSorted((a, b) => a - b)).toEqual(buckets);
    }
  });

  it("names of what is in hand only what the read would meet", async () => {
    const { repository, read, hold, reader, leftOut } = setUp(1);
    await storeEvents(repository, sampleDrafts(3, { partitionKey: "k" }));
    const all: EventPlace[] = [];
    async function readAndHold() {
      const events = (await read(1)).rows?.map(({ event }) => event) ?? [];
      for (const event of events) hold(event);
      all.push(...events);
      return events.map(({ seq }) => seq);
    }
    expect(await readAndHold()).toEqual([1n]);
    expect(await readAndHold()).toEqual([2n]);
    // Reading goes back over one answer, because of late commits.
    expect([await readAndHold(), leftOut]).toEqual([[3n], [2n]]);
    reader.goBackTo(all[0] as EventPlace);
    expect([await readAndHold(), leftOut]).toEqual([[], [1n, 2n, 3n]]);
  });

  it("says that there may be more of a bucket which was full in hand when it asked, though it is no more", async () => {
    const { repository, fill, read, whileReading } = setUp(1);
    await storeEvents(repository, sampleDrafts(1));
    for (let reads = 0; reads < 3; reads += 1) await read(500);
    fill(0);
    whileReading(() => fill(null));
    expect((await read(500)).hasMore).toBe(true);
    expect((await read(500)).hasMore).toBe(false);
  });
});
