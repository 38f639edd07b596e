import { beforeEach, describe, expect, it } from "vitest";
import { createOutboxEvent, type OutboxEventInput } from "../events/create-outbox-event.js";
import type { OutboxEvent } from "../events/outbox-event.js";
import type { AcquiredBucket } from "../protocols/bucket-operations.js";
import type { BucketFence } from "../protocols/fence.js";
import { createManualClock, type ManualClock } from "./manual-clock.js";
import { createMemoryOutboxRepository, type MemoryOutboxRepository } from "./memory-outbox-repository.js";

// What every repository with buckets promises is tested by the conformance kit; here is the same in a few words.

const [leaseMs, graceMs] = [1_000, 500];
let clock: ManualClock;
let repository: MemoryOutboxRepository;

beforeEach(() => {
  clock = createManualClock();
  repository = createMemoryOutboxRepository({ clock, bucketCount: 4, onPublished: "keep" });
});

function draft(fields: Partial<OutboxEventInput> = {}) {
  const required = { type: "order.placed", schemaVersion: "1", topic: "orders", aggregateType: "order" };
  return createOutboxEvent({ ...required, aggregateId: "1", payload: {}, ...fields });
}

function acquire(owner: string, limit = 4): Promise<readonly AcquiredBucket[]> {
  return repository.buckets.acquire({ owner, leaseMs, graceMs, limit });
}

function fenceOf(owner: string, acquired: readonly AcquiredBucket[]): BucketFence {
  return { kind: "buckets", owner, epochs: new Map(acquired.map(({ bucket, epoch }) => [bucket, epoch])) };
}

function everywhere(fields: { readonly exceptSeqs?: readonly bigint[]; readonly exceptKeys?: readonly string[] } = {}) {
  const from = [0, 1, 2, 3].map((bucket) => ({ bucket, afterSeq: 0n, limit: 100 }));
  return { from, limit: 100, exceptSeqs: [], exceptKeys: [], ...fields };
}

const seqsOf = (rows: readonly { readonly event: OutboxEvent }[]) => rows.map(({ event }) => event.seq).sort();

describe("buckets in memory", () => {
  it("are acquired lowest first, each by one owner only, and are free again when they are released", async () => {
    const first = await acquire("a", 3);
    const second = await acquire("b");
    expect([first, second].map((buckets) => buckets.map(({ bucket }) => bucket))).toEqual([[0, 1, 2], [3]]);
    await repository.buckets.release(fenceOf("a", first));
    expect(await acquire("b", 1)).toEqual([{ bucket: 0, epoch: 2n, uncleanTakeovers: 0 }]);
  });

  it("are taken from an owner that did not give them up only after lease and grace, and are unclean until marked", async () => {
    await acquire("a");
    await clock.advance(leaseMs + graceMs - 1);
    expect(await acquire("b")).toEqual([]);
    await clock.advance(1);
    const taken = await acquire("b");
    expect(taken[0]).toEqual({ bucket: 0, epoch: 2n, uncleanTakeovers: 1 });
    await repository.buckets.markClean(fenceOf("b", taken.slice(0, 1)));
    await repository.buckets.release(fenceOf("b", taken));
    expect((await acquire("c", 2)).map(({ uncleanTakeovers }) => uncleanTakeovers)).toEqual([0, 1]);
  });

  it("are renewed under their fence, also after their lease ran out untaken, and not when they were taken over", async () => {
    const fence = fenceOf("a", await acquire("a"));
    await clock.advance(leaseMs + graceMs);
    expect((await repository.buckets.renew(fence, leaseMs)).held).toEqual([0, 1, 2, 3]);
    await clock.advance(leaseMs + graceMs);
    await acquire("b", 1);
    expect((await repository.buckets.renew(fence, leaseMs)).held).toEqual([1, 2, 3]);
  });

  it("are surveyed with every living worker, also one that owns nothing", async () => {
    await repository.buckets.renew(fenceOf("a", await acquire("a", 3)), leaseMs);
    await repository.buckets.renew(fenceOf("b", []), leaseMs);
    const workers = [
      { id: "a", owned: 3 },
      { id: "b", owned: 0 },
    ];
    expect(await repository.buckets.survey(graceMs)).toEqual({ workers, bucketCount: 4, free: 1 });
    await repository.buckets.leave("b");
    await clock.advance(leaseMs + graceMs);
    expect(await repository.buckets.survey(graceMs)).toEqual({ workers: [], bucketCount: 4, free: 4 });
  });
});

describe("outcomes under a bucket fence in memory", () => {
  it("are written while the bucket is held, and reported as missing when it is not and the event still waits", async () => {
    const held = await acquire("a");
    const [added] = await repository.add(repository.client, [draft()]);
    const row = { id: added?.id ?? "", seq: added?.seq ?? 0n };
    const stale: BucketFence = { ...fenceOf("a", held), owner: "b" };
    const complete = (fence: BucketFence) => repository.recordCompleted(fence, [row]);
    expect(await complete(stale)).toEqual({ missing: [row] });
    expect(repository.all()[0]?.status).toBe("pending");
    expect(await complete(fenceOf("a", held))).toEqual({ missing: [] });
    expect(repository.all()[0]?.status).toBe("completed");
  });

  it("are no loss when the event does not wait any more, whoever holds the bucket", async () => {
    const held = fenceOf("a", await acquire("a"));
    const [added] = await repository.add(repository.client, [draft()]);
    const row = { id: added?.id ?? "", seq: added?.seq ?? 0n };
    await repository.recordCompleted(held, [row]);
    expect(await repository.recordCompleted({ ...held, owner: "b" }, [row])).toEqual({ missing: [] });
    expect(await repository.recordCompleted(held, [{ id: "gone", seq: 99n }])).toEqual({ missing: [] });
  });

  it("count a lone start under the fence only", async () => {
    const held = fenceOf("a", await acquire("a"));
    const [added] = await repository.add(repository.client, [draft()]);
    const row = { id: added?.id ?? "", seq: added?.seq ?? 0n };
    expect(await repository.buckets.recordStarted({ ...held, owner: "b" }, row, 1)).toEqual({ missing: [row] });
    expect(await repository.buckets.recordStarted(held, row, 2)).toEqual({ missing: [] });
    expect((await repository.buckets.peek(everywhere())).rows[0]?.startedAttempts).toBe(2);
  });
});

describe("reads of buckets in memory", () => {
  it("leave out events in hand, keys that wait, what lies before the cursor and what exceeds a limit", async () => {
    await repository.add(
      repository.client,
      ["a", "a", "b", "b"].map((aggregateId) => draft({ aggregateId })),
    );
    const key = repository.all()[0]?.partitionKey ?? "";
    const { buckets } = repository;
    expect(seqsOf((await buckets.read(everywhere())).rows)).toEqual([1n, 2n, 3n, 4n]);
    expect(seqsOf((await buckets.read(everywhere({ exceptSeqs: [3n] }))).rows)).toEqual([1n, 2n, 4n]);
    expect(seqsOf((await buckets.read(everywhere({ exceptKeys: [key] }))).rows)).toEqual([3n, 4n]);
    expect((await buckets.read({ ...everywhere(), limit: 1 })).rows).toHaveLength(1);
    const bucket = repository.all()[0]?.bucket ?? 0;
    const from = [{ bucket, afterSeq: 1n, limit: 1 }];
    expect(seqsOf((await buckets.read({ ...everywhere(), from })).rows)).toEqual([2n]);
  });

  it("name the transactions that have added events and are open", async () => {
    const writers = async () => (await repository.buckets.read(everywhere())).writers;
    await repository.transaction(async (tx) => {
      expect(await writers()).toEqual([]);
      await repository.add(tx, [draft(), draft()]);
      const [first, ...others] = await writers();
      expect([first?.isHidden, others]).toEqual([true, []]);
      await repository.transaction((other) => repository.add(other, [draft()]));
      expect(await writers()).toEqual([first]);
      expect((await repository.buckets.peek(everywhere())).writers).toEqual([first]);
    });
    expect(await writers()).toEqual([]);
  });

  it("show an event that backs off as not due, and a scheduled one when its time has come and its schedule was ended", async () => {
    const held = fenceOf("a", await acquire("a"));
    const soon = new Date(clock.now() + 100);
    await repository.add(repository.client, [draft(), draft({ scheduledAt: soon })]);
    const [first] = repository.all();
    const row = { id: first?.id ?? "", seq: 1n, attemptsMade: 1, startedAttempts: 0, error: null };
    await repository.recordPending(held, [{ ...row, delayMs: 50 }]);
    const { buckets } = repository;
    expect((await buckets.read(everywhere())).rows.map(({ event, isDue }) => [event.seq, isDue])).toEqual([
      [1n, false],
    ]);
    expect(await buckets.headStates([1n, 99n])).toEqual([{ seq: 1n, state: "backingOff" }]);
    expect(await buckets.endSchedules(held, 9)).toEqual([]);
    await clock.advance(100);
    expect(await buckets.headStates([1n])).toEqual([{ seq: 1n, state: "due" }]);
    expect(seqsOf((await buckets.read(everywhere())).rows)).toEqual([1n]);
    expect(await buckets.endSchedules({ ...held, owner: "b" }, 9)).toEqual([]);
    expect(await buckets.endSchedules(held, 9)).toEqual([{ bucket: first?.bucket, seq: 2n }]);
    expect(seqsOf((await buckets.read(everywhere())).rows)).toEqual([1n, 2n]);
  });

  it("find the earliest failed event of each key", async () => {
    const held = fenceOf("a", await acquire("a"));
    await repository.add(repository.client, [draft(), draft(), draft({ aggregateId: "2" })]);
    await repository.recordFailed(
      held,
      repository.all().map(({ id, seq }) => ({ id, seq, attemptsMade: 1, error: "no" })),
    );
    const heads = await repository.buckets.failedHeads([0, 1, 2, 3]);
    expect(heads.map(({ seq }) => seq)).toEqual([1n, 3n]);
    expect(await repository.buckets.headStates([1n])).toEqual([{ seq: 1n, state: "failed" }]);
    expect(await repository.buckets.failedHeads([])).toEqual([]);
  });
});
