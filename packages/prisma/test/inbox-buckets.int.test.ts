import { randomBytes } from "node:crypto";
import type { InboxEventDraft } from "@omni-box/core";
import { PrismaPg } from "@prisma/adapter-pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createPrismaInboxRepository } from "../src/create-prisma-inbox-repository.js";
import { PrismaClient } from "./generated/client.js";
import { databaseUrl, openTestDatabase, type TestDatabase } from "./open-test-database.js";
import { sampleMessage } from "./sample-message.js";

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(() => database.empty());

const lease = { leaseMs: 60_000, graceMs: 0, limit: 64 };

function repositoryWith(options: Parameters<TestDatabase["connect"]>[0] = {}) {
  return createPrismaInboxRepository(database.connect(options), { schema: database.schema });
}

function bucketsOf(repository: ReturnType<typeof repositoryWith>, consumerGroup = "shipping") {
  const buckets = repository.bucketsOf?.(consumerGroup);
  if (buckets === undefined) throw new Error("the repository has no buckets");
  return buckets;
}

async function ownAll(repository: ReturnType<typeof repositoryWith>, owner: string) {
  const acquired = await bucketsOf(repository).acquire({ owner, ...lease });
  return { kind: "buckets", owner, epochs: new Map(acquired.map(({ bucket, epoch }) => [bucket, epoch])) } as const;
}

async function storePending(repository: ReturnType<typeof repositoryWith>, draft: InboxEventDraft): Promise<void> {
  const rest = { status: "pending", attemptsMade: 0, startedAttempts: 0, delayMs: null, error: null } as const;
  await repository.store([{ draft, ...rest }]);
}

describe("the buckets of a consumer group", () => {
  it("are made once by the first workers of the group, however many start at the same moment", async () => {
    const repositories = Array.from({ length: 5 }, () => repositoryWith({ connections: 1 }));
    const fences = await Promise.all(
      repositories.map(async (repository, index) => {
        const fence = { kind: "buckets", owner: `worker ${index}`, epochs: new Map<number, bigint>() } as const;
        await bucketsOf(repository).renew(fence, lease.leaseMs);
        return ownAll(repository, `worker ${index}`);
      }),
    );
    const owned = fences.flatMap(({ epochs }) => [...epochs.keys()]);
    expect(owned.sort((a, b) => a - b)).toEqual(Array.from({ length: 64 }, (_, bucket) => bucket));
    const [first] = repositories;
    const survey = first && (await bucketsOf(first).survey(0));
    expect(survey).toMatchObject({ bucketCount: 64, free: 0, workers: { length: 5 } });
    expect(await database.prisma.inboxBucket.count({ where: { epoch: 1 } })).toBe(64);
  });

  it("are told of as free before they are made, and a survey makes none", async () => {
    const { survey } = bucketsOf(repositoryWith({ connections: 1 }));
    expect(await survey(0)).toEqual({ workers: [], bucketCount: 64, free: 64 });
    expect(await database.prisma.inboxBucket.count()).toBe(0);
  });

  it("cost one statement per call, and one more at the start", async () => {
    const statements: string[] = [];
    const repository = repositoryWith({ connections: 1, logQueries: (sql) => statements.push(sql) });
    const buckets = bucketsOf(repository);
    const countOf = async (call: () => Promise<unknown>) => {
      statements.length = 0;
      await call();
      return statements.length;
    };
    const fence = { kind: "buckets", owner: "worker", epochs: new Map([[0, 1n]]) } as const;
    const request = { from: [{ bucket: 0, afterSeq: 0n, limit: 1 }], limit: 1, exceptSeqs: [], exceptKeys: [] };
    expect(await countOf(() => buckets.renew(fence, 60_000))).toBe(2);
    expect(await countOf(() => buckets.acquire({ owner: "worker", ...lease }))).toBe(1);
    expect(await countOf(() => buckets.renew(fence, 60_000))).toBe(1);
    expect(await countOf(() => buckets.survey(0))).toBe(1);
    expect(await countOf(() => buckets.read(request))).toBe(1);
    expect(await countOf(() => buckets.failedHeads([0]))).toBe(1);
    expect(await countOf(() => buckets.endSchedules(fence, 1))).toBe(1);
    expect(await countOf(() => buckets.release(fence))).toBe(1);
    expect(await countOf(() => buckets.leave("worker"))).toBe(1);
  });

  it("show a schedule that somebody wrote into the table when its time has come", async () => {
    const repository = repositoryWith();
    const [ours, theirs] = [sampleMessage(), sampleMessage({ consumerGroup: "billing" })];
    await storePending(repository, ours);
    await storePending(repository, theirs);
    await database.prisma.inboxEvent.updateMany({ data: { scheduledAt: new Date(Date.now() - 60_000) } });
    const fence = await ownAll(repository, "worker");
    const stored = await repository.findById(ours.id);
    expect(await bucketsOf(repository).endSchedules(fence, 10)).toEqual([{ bucket: stored?.bucket, seq: stored?.seq }]);
    expect((await repository.findById(theirs.id))?.scheduledAt).not.toBeNull();
  });
});

describe("a database role", () => {
  const role = `omni_box_test_inbox_${randomBytes(6).toString("hex")}`;
  const run = (sql: string) => database.prisma.$executeRawUnsafe(sql);
  let asRole: PrismaClient;

  beforeAll(async () => {
    const { schema } = database;
    await run(`CREATE ROLE ${role}`);
    await run(`GRANT USAGE ON SCHEMA ${schema} TO ${role}`);
    await run(`GRANT SELECT ON ${schema}.outbox_setting, ${schema}.omni_box_migration TO ${role}`);
    await run(`GRANT SELECT, INSERT, UPDATE ON ${schema}.inbox_event TO ${role}`);
    await run(`GRANT USAGE ON SEQUENCE ${schema}.inbox_event_seq_seq TO ${role}`);
    const adapter = new PrismaPg({ connectionString: databaseUrl, options: `-c role=${role}` }, { schema });
    asRole = new PrismaClient({ adapter });
  });
  afterAll(async () => {
    await asRole.$disconnect();
    await run(`DROP OWNED BY ${role}`);
    await run(`DROP ROLE ${role}`);
  });

  it("is told what it lacks to own buckets only where they are used, and with exactly that can do all of it", async () => {
    const { schema } = database;
    const repository = createPrismaInboxRepository(asRole, { schema });
    const use = { sequences: false, buckets: true };
    expect(await repository.verify({ sequences: false })).toEqual([]);
    expect(await repository.verify(use)).toEqual([
      expect.stringContaining("no right to SELECT, INSERT, UPDATE on inbox_bucket"),
      expect.stringContaining("no right to SELECT, INSERT, UPDATE, DELETE on inbox_worker"),
    ]);
    await run(`GRANT SELECT, INSERT, UPDATE ON ${schema}.inbox_bucket TO ${role}`);
    await run(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${schema}.inbox_worker TO ${role}`);
    expect(await repository.verify(use)).toEqual([]);

    const draft = sampleMessage();
    await storePending(repository, draft);
    const buckets = bucketsOf(repository);
    const fence = await ownAll(repository, "worker");
    expect((await buckets.renew(fence, 60_000)).held).toHaveLength(64);
    const from = [...fence.epochs.keys()].map((bucket) => ({ bucket, afterSeq: 0n, limit: 10 }));
    const { rows } = await buckets.read({ from, limit: 10, exceptSeqs: [], exceptKeys: [] });
    const [event] = rows.map((row) => row.event);
    if (event === undefined) throw new Error("the event was not read");
    const completing = repository.transaction((tx) => tx.complete(fence, event), { timeoutMs: 5_000 });
    expect(await completing).toBe(true);
    await buckets.markClean(fence);
    await buckets.release(fence);
    await buckets.leave("worker");
    expect(await buckets.survey(0)).toMatchObject({ free: 64, workers: [] });
  });
});
