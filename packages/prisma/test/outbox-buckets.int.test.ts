import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { addToBucket, outcomes, startBucketWorker } from "./bucket-worker.js";
import { openTestDatabase, type TestDatabase } from "./open-test-database.js";

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(() => database.empty());

const query = <Row>(sql: string) => database.prisma.$queryRawUnsafe<Row[]>(sql.replaceAll("$schema", database.schema));

describe("the operations on owned buckets", () => {
  it("take one statement each, and so does each outcome under their fence", async () => {
    const statements: string[] = [];
    const worker = startBucketWorker(database, { connections: 1, logQueries: (sql) => statements.push(sql) });
    const { owner, buckets } = worker;
    const refs = await addToBucket(database, 0, 40);
    const one = async <Result>(call: () => Promise<Result>): Promise<Result> => {
      statements.length = 0;
      const result = await call();
      expect(statements).toHaveLength(1);
      return result;
    };
    const fence = await one(() => worker.acquire(2));
    const request = { limit: 10, exceptSeqs: [], exceptKeys: [] };
    const from = [{ bucket: 0, afterSeq: 0n, limit: 10 }];
    await one(() => buckets.renew(fence, 60_000));
    await one(() => buckets.survey(0));
    await one(() => buckets.read({ ...request, from }));
    await one(() => buckets.endSchedules(fence, 10));
    await one(() => buckets.peek({ ...request, from }));
    await one(() => buckets.headStates(refs.map(({ seq }) => seq)));
    await one(() => buckets.failedHeads([0, 1]));
    await one(() => buckets.recordStarted(fence, { ...(refs[39] ?? { id: "", seq: 0n }) }, 1));
    await one(() => outcomes.completed(worker, fence, refs.slice(0, 10)));
    await one(() => outcomes.pending(worker, fence, refs.slice(10, 20)));
    await one(() => outcomes.failed(worker, fence, refs.slice(20, 30)));
    await one(() => buckets.markClean(fence));
    await one(() => buckets.release(fence));
    await one(() => buckets.leave(owner));
  });

  it("send nothing when there is nothing to do", async () => {
    const statements: string[] = [];
    const worker = startBucketWorker(database, { connections: 1, logQueries: (sql) => statements.push(sql) });
    const { buckets } = worker;
    const fence = { kind: "buckets", owner: "nobody", epochs: new Map<number, bigint>() } as const;
    await buckets.release(fence);
    await buckets.markClean(fence);
    await outcomes.completed(worker, fence, []);
    expect([
      await buckets.endSchedules(fence, 10),
      await buckets.headStates([]),
      await buckets.failedHeads([]),
    ]).toEqual([[], [], []]);
    expect(statements).toEqual([]);
  });

  it("measure leases on the database's clock, whatever this machine's says", async () => {
    const worker = startBucketWorker(database);
    const fence = await worker.acquire(1, { leaseMs: 90_000 });
    const seconds = "extract(epoch FROM lease_until - statement_timestamp())::float8 AS seconds";
    const [acquired] = await query<{ seconds: number }>(
      `SELECT ${seconds} FROM $schema.outbox_bucket WHERE owner IS NOT NULL`,
    );
    expect(acquired?.seconds).toBeGreaterThan(85);
    expect(acquired?.seconds).toBeLessThanOrEqual(90.001);
    await worker.buckets.renew(fence, 30_000);
    const renewed = await query<{ seconds: number }>(
      `SELECT ${seconds} FROM $schema.outbox_bucket WHERE owner IS NOT NULL
       UNION ALL SELECT ${seconds} FROM $schema.outbox_worker`,
    );
    expect(renewed).toHaveLength(2);
    for (const lease of renewed) expect(lease.seconds).toBeLessThanOrEqual(30.001);
  });

  it("name who has locked the table for writing, also without having written, and nobody who has locked another", async () => {
    const { buckets } = startBucketWorker(database);
    const from = [{ bucket: 0, afterSeq: 0n, limit: 1 }];
    const writers = async () => (await buckets.read({ from, limit: 1, exceptSeqs: [], exceptKeys: [] })).writers;
    await database.prisma.$transaction(async (tx) => {
      await tx.$executeRawUnsafe(`LOCK TABLE ${database.schema}.outbox_bucket IN ROW EXCLUSIVE MODE`);
      expect(await writers()).toEqual([]);
      await tx.$executeRawUnsafe(`LOCK TABLE ${database.schema}.outbox_event IN ROW EXCLUSIVE MODE`);
      expect((await writers()).map(({ isHidden }) => isHidden)).toEqual([true]);
    });
    await expect.poll(writers).toEqual([]);
  });

  it("read each event whole, as findById does", async () => {
    const worker = startBucketWorker(database);
    const [ref] = await addToBucket(database, 5, 1);
    const request = { limit: 1, exceptSeqs: [], exceptKeys: [] };
    const { rows } = await worker.buckets.read({ ...request, from: [{ bucket: 5, afterSeq: 0n, limit: 1 }] });
    expect(rows).toEqual([{ event: await worker.repository.findById(ref?.id ?? ""), isDue: true }]);
  });
});

describe("acquire", () => {
  it("gives buckets back that it got after its caller had given up, as clean as they were", async () => {
    const worker = startBucketWorker(database, { statementTimeoutMs: 150 });
    await database.prisma.$transaction(async (tx) => {
      await tx.$executeRawUnsafe(`LOCK TABLE ${database.schema}.outbox_bucket IN ACCESS EXCLUSIVE MODE`);
      await expect(worker.acquire(3)).rejects.toMatchObject({ code: "STORE.TIMEOUT" });
    });
    const given = () =>
      query("SELECT bucket FROM $schema.outbox_bucket WHERE epoch = 1 AND owner IS NULL AND unclean_takeovers = 0");
    await expect.poll(given).toHaveLength(3);
  });

  it("counts take-overs no further than the column goes", async () => {
    const worker = startBucketWorker(database);
    await worker.acquire(1);
    await database.prisma.$executeRawUnsafe(
      `UPDATE ${database.schema}.outbox_bucket SET unclean_takeovers = 32767 WHERE bucket = 0`,
    );
    await database.advanceTime(120_000);
    expect(await worker.buckets.acquire({ owner: "next", leaseMs: 1, graceMs: 0, limit: 1 })).toEqual([
      { bucket: 0, epoch: 2n, uncleanTakeovers: 32_767 },
    ]);
  });
});

describe("the registry of workers", () => {
  const nothing = (owner: string) => ({ kind: "buckets", owner, epochs: new Map<number, bigint>() }) as const;
  const registered = () => query<{ id: string }>("SELECT id FROM $schema.outbox_worker ORDER BY id");

  it("is cleared of workers that are gone by those that live", async () => {
    const { buckets } = startBucketWorker(database);
    await buckets.renew(nothing("gone"), 10_000);
    await database.advanceTime(15_000);
    // Its lease is over, but it may be about to come back.
    await buckets.renew(nothing("living"), 10_000);
    expect(await registered()).toEqual([{ id: "gone" }, { id: "living" }]);
    await database.advanceTime(8_000);
    await buckets.renew(nothing("living"), 10_000);
    expect(await registered()).toEqual([{ id: "living" }]);
  });

  it("lets workers that wake up together after a long pause come back, without a deadlock", async () => {
    const workers = Array.from({ length: 6 }, () => startBucketWorker(database, { connections: 1 }));
    for (let round = 0; round < 10; round += 1) {
      await Promise.all(workers.map(({ owner, buckets }) => buckets.renew(nothing(owner), 10_000)));
      expect(await registered()).toHaveLength(6);
      await database.advanceTime(60_000);
    }
  });
});
