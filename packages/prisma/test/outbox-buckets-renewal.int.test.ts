import { afterAll, beforeAll, expect, it } from "vitest";
import { createPrismaOutboxRepository } from "../src/create-prisma-outbox-repository.js";
import { addToBucket } from "./bucket-worker.js";
import { openTestDatabase, type TestDatabase } from "./open-test-database.js";

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());

it("a worker renews, surveys and gives up its buckets while as many outcomes wait for a lock as may be unanswered", async () => {
  const { prisma, schema } = database;
  const repository = createPrismaOutboxRepository(prisma, { schema, statementTimeoutMs: 500 });
  const { buckets } = repository;
  if (buckets === undefined) throw new Error("the repository has no buckets");
  const owner = "worker of this test";
  const acquired = await buckets.acquire({ owner, leaseMs: 60_000, graceMs: 0, limit: 2 });
  const epochs = new Map(acquired.map(({ bucket, epoch }) => [bucket, epoch]));
  const fence = { kind: "buckets", owner, epochs } as const;
  const refs = await addToBucket(database, 0, 4);
  await prisma.$transaction(async (tx) => {
    await tx.$queryRawUnsafe(`SELECT seq FROM ${schema}.outbox_event FOR UPDATE`);
    const waiting = refs.slice(0, 3).map((ref) => repository.recordCompleted(fence, [ref]));
    for (const outcome of waiting) await expect(outcome).rejects.toMatchObject({ code: "STORE.TIMEOUT" });
    await expect(repository.recordCompleted(fence, refs.slice(3))).rejects.toThrow(/was not sent/);

    expect((await buckets.renew(fence, 60_000)).held).toEqual([0, 1]);
    expect((await buckets.survey(0)).workers).toEqual([{ id: owner, owned: 2 }]);
    await buckets.release({ ...fence, epochs: new Map([...epochs].filter(([bucket]) => bucket === 1)) });
    expect((await buckets.renew(fence, 60_000)).held).toEqual([0]);
  });
});
