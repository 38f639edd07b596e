import { randomUUID } from "node:crypto";
import type { ClaimRequest } from "@omni-box/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createPostgresqlInboxDialect } from "../src/postgresql/create-inbox-dialect.js";
import type { Statement } from "../src/statement.js";
import { openTestDatabase, type TestDatabase } from "./open-test-database.js";
import { sampleMessage, sampleMessages } from "./sample-message.js";

const dialectOf = ({ schema }: TestDatabase) => createPostgresqlInboxDialect({ schema, bucketCount: 64 });
const request = (fields: Partial<ClaimRequest> = {}): ClaimRequest => ({
  token: randomUUID(),
  workerId: "worker",
  leaseMs: 60_000,
  limit: 50,
  filters: { consumerGroup: "shipping" },
  ...fields,
});

/** Adds pending rows of a group, with a key that is SQL over `n`. */
async function fill({ prisma, schema }: TestDatabase, group: string, key: string, count: number): Promise<void> {
  await prisma.$executeRawUnsafe(
    `INSERT INTO ${schema}.inbox_event (id, message_id, consumer_group, source, event_type, schema_version, topic,
       partition_key, bucket, payload, max_attempts)
     SELECT gen_random_uuid(), gen_random_uuid()::text, $1, 'queue', 'order.placed', '1', 'orders', ${key}, 0,
            jsonb_build_object('text', repeat('x', 200)), 10
     FROM generate_series(1, $2::integer) AS n`,
    group,
    count,
  );
}

async function explain({ prisma }: TestDatabase, { sql, values }: Statement): Promise<string> {
  const lines = await prisma.$queryRawUnsafe<{ "QUERY PLAN": string }[]>(
    `EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF) ${sql}`,
    ...values,
  );
  return lines.map((line) => line["QUERY PLAN"]).join("\n");
}

/** The pages that a statement looked at, in memory or not. */
async function pagesRead({ prisma }: TestDatabase, { sql, values }: Statement): Promise<number> {
  const [answer] = await prisma.$queryRawUnsafe<{ "QUERY PLAN": { Plan: Record<string, number> }[] }[]>(
    `EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, SUMMARY OFF, FORMAT JSON) ${sql}`,
    ...values,
  );
  const plan = answer?.["QUERY PLAN"][0]?.Plan;
  return Number(plan?.["Shared Hit Blocks"]) + Number(plan?.["Shared Read Blocks"]);
}

/** The rows that the scans of a plan returned or threw away, all of their loops together. */
function rowsRead(plan: string): number {
  const scans = plan.split("\n").filter((line) => /(Seq|Index|Index Only|Heap) Scan /.test(line));
  const read = scans.map((line) => {
    const [, rows, loops] = /actual rows=([\d.]+) loops=(\d+)/.exec(line) ?? [];
    return Number(rows ?? 0) * Number(loops ?? 0);
  });
  const removed = [...plan.matchAll(/Rows Removed by (?:Filter|Join Filter): (\d+)/g)].map(([, count]) =>
    Number(count),
  );
  return [...read, ...removed].reduce((sum, count) => sum + count, 0);
}

const statistics = [
  ["before the table was ever analyzed", false],
  ["with fresh statistics", true],
] as const;

describe.each(statistics)("a claim of one group, %s", (_name, isAnalyzed) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openTestDatabase();
    await fill(database, "billing", "n::text", 60_000);
    await fill(database, "shipping", "n::text", 20_000);
    await fill(database, "shipping", "'blocked'", 60_000);
    if (isAnalyzed) await database.prisma.$executeRawUnsafe(`ANALYZE ${database.schema}.inbox_event`);
  }, 60_000);
  afterAll(() => database.close());

  const backlogOf = async (group: string) =>
    explain(database, dialectOf(database).claim(request({ filters: { consumerGroup: group } })));

  it("reads only what it returns, whatever another group has left lying", async () => {
    for (const group of ["shipping", "billing"]) {
      const plan = await backlogOf(group);
      expect(plan).toMatch(/Index Scan using inbox_event_group_due_idx/);
      expect(rowsRead(plan), plan).toBeLessThanOrEqual(400);
    }
    expect(rowsRead(await backlogOf("a group without rows"))).toBeLessThanOrEqual(10);
  });

  it("of key heads reads a bounded number of rows while there are many keys", async () => {
    const plan = await explain(database, dialectOf(database).claim(request({ keyHeadsOnly: true })));
    expect(plan).not.toMatch(/Seq Scan on inbox_event/);
    expect(rowsRead(plan), plan).toBeLessThanOrEqual(5_000);
  });

  it("of key heads is not slowed down by 60,000 rows that wait behind one head that backs off", async () => {
    const { prisma, schema } = database;
    const table = `${schema}.inbox_event`;
    await prisma.$executeRawUnsafe(
      `DELETE FROM ${table} WHERE consumer_group = 'shipping' AND partition_key <> 'blocked'`,
    );
    await prisma.$executeRawUnsafe(
      `UPDATE ${table} SET next_attempt_at = statement_timestamp() + interval '1 hour'
       WHERE seq = (SELECT min(seq) FROM ${table} WHERE partition_key = 'blocked')`,
    );
    await fill(database, "shipping", "'later ' || n", 20);
    const plan = await explain(database, dialectOf(database).findDue({ ...request(), keyHeadsOnly: true }));
    expect(plan).not.toMatch(/Seq Scan on inbox_event/);
    // The thousand that are due longest, the earliest of each one's key, and one step for each key.
    expect(rowsRead(plan), plan).toBeLessThanOrEqual(5_000);
    const dialect = dialectOf(database);
    const { sql, values } = dialect.claim(request({ keyHeadsOnly: true }));
    const claimed = (await prisma.$queryRawUnsafe<Record<string, unknown>[]>(sql, ...values)).map(dialect.readEvent);
    expect(claimed.map(({ partitionKey }) => partitionKey)).toEqual(
      Array.from({ length: 20 }, (_, index) => `later ${index + 1}`),
    );
  });

  it("of key heads takes one step per key when it has to go through them all, not one through all keys before it", async () => {
    const { prisma, schema } = database;
    const table = `${schema}.inbox_event`;
    // So many wait behind one head that the keys are gone through, and none of their heads is due.
    const backOff = (group: string, condition: string) =>
      prisma.$executeRawUnsafe(
        `UPDATE ${table} SET next_attempt_at = statement_timestamp() + interval '1 hour'
         WHERE consumer_group = $1 AND ${condition}`,
        group,
      );
    const pages: number[] = [];
    for (const [group, keys] of [
      ["few", 1_000],
      ["many", 4_000],
    ] as const) {
      await fill(database, group, "'blocked'", 1_500);
      await backOff(group, `seq = (SELECT min(seq) FROM ${table} WHERE consumer_group = $1)`);
      await fill(database, group, "'key ' || n", keys);
      await backOff(group, "partition_key <> 'blocked'");
      if (isAnalyzed) await prisma.$executeRawUnsafe(`ANALYZE ${table}`);
      const claim = dialectOf(database).claim(request({ keyHeadsOnly: true, filters: { consumerGroup: group } }));
      pages.push(await pagesRead(database, claim));
    }
    const [few = 0, many = 0] = pages;
    // 3,000 keys more; each step descends the index once.
    expect(many - few, `${pages}`).toBeLessThanOrEqual(3_000 * 15);
  });

  it("and the inserts find duplicates and earlier rows of their keys by index", async () => {
    const dialect = dialectOf(database);
    const drafts = sampleMessages(20, { partitionKey: "blocked" });
    const rows = drafts.map((draft) => ({
      ...{ draft, status: "completed" as const, attemptsMade: 0, startedAttempts: 0, delayMs: null, error: null },
    }));
    const [draft = sampleMessage()] = drafts;
    for (const behindPending of ["leave", "insert"] as const) {
      for (const statement of [
        dialect.insert(rows, behindPending, 1_000),
        dialect.insertCompleted(draft, behindPending, 1_000),
      ]) {
        const plan = await explain(database, statement);
        expect(plan).not.toMatch(/Seq Scan on inbox_event/);
        expect(rowsRead(plan), plan).toBeLessThanOrEqual(200);
      }
    }
    const plan = await explain(database, dialect.findStored([...drafts, sampleMessage()]));
    expect(plan).toMatch(/inbox_event_message_id_consumer_group_key/);
  });

  it("and the look whether transactions have committed finds their rows by index", async () => {
    const found = sampleMessages(25).map(({ id }) => id);
    const plan = await explain(database, dialectOf(database).findIds(found));
    expect(plan).toMatch(/inbox_event_id_key/);
  });
});
