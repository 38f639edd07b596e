import { randomBytes, randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createPrismaOutboxAdministration } from "@omni-box/prisma";
import { PrismaPg } from "@prisma/adapter-pg";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readTables } from "../src/doctor/read-tables.js";
import { readShippedTables, shippedTablesOf } from "../src/doctor/shipped-tables.js";
import { readShippedMigrations } from "../src/shipped-migrations.js";
import { PrismaClient } from "./generated/client.js";
import { databaseUrl } from "./open-test-database.js";
import { untilWaiting } from "./until-waiting.js";

let schema: string;
let prisma: PrismaClient;
beforeEach(async () => {
  schema = `omni_box_test_${randomBytes(6).toString("hex")}`;
  prisma = new PrismaClient({
    adapter: new PrismaPg({ connectionString: databaseUrl, max: 12, options: `-c search_path=${schema}` }),
  });
  await prisma.$executeRawUnsafe(`CREATE SCHEMA ${schema}`);
});
afterEach(async () => {
  await prisma.$executeRawUnsafe(`DROP SCHEMA ${schema} CASCADE`);
  await prisma.$disconnect();
});

/** Applies the migrations before this one, and gives the statements of this one. */
async function statementsOf(name: string): Promise<readonly string[]> {
  for (const migration of await readShippedMigrations()) {
    if (migration.name !== name) {
      await prisma.$executeRawUnsafe(migration.sql);
      continue;
    }
    // As runners do that split at each separator.
    return migration.sql.split(";").filter((statement) => /^\s*[A-Z]/m.test(statement));
  }
  throw new Error(`there is no migration ${name}`);
}

/** Locks the table as claims do: first for choosing rows, then for changing them. */
const claim = async (table: string) =>
  await prisma.$executeRawUnsafe(
    `WITH due AS MATERIALIZED (
       SELECT event.seq FROM ${schema}.${table} AS event WHERE event.status = 'pending' LIMIT 10 FOR UPDATE SKIP LOCKED
     )
     UPDATE ${schema}.${table} AS event SET locked_by = 'w' FROM due WHERE event.seq = due.seq`,
  );

describe.each([
  ["omni_box_inbox", "inbox_event", [/coalesce\(next_attempt_at.*status = 'pending'/i]],
  ["omni_box_buckets", "outbox_event", [/\(bucket, .*status = 'pending'/, /\(bucket, .*status = 'failed'/]],
  ["omni_box_inbox_buckets", "inbox_event", [/coalesce\(next_attempt_at.*status = 'pending'/i]],
  ["omni_box_administration", "inbox_event", [/coalesce\(next_attempt_at.*status = 'pending'/i]],
  ["omni_box_administration", "outbox_event", [/\(bucket, .*status = 'pending'/, /\(bucket, .*status = 'failed'/]],
])("the migration %s, while workers run", (name, table, needed) => {
  it("leaves them an index at every moment, also when each statement is a transaction of its own", async () => {
    for (const statement of await statementsOf(name)) {
      await prisma.$executeRawUnsafe(statement);
      const indexes = await prisma.$queryRawUnsafe<{ definition: string }[]>(
        "SELECT indexdef AS definition FROM pg_indexes WHERE schemaname = $1 AND tablename = $2",
        schema,
        table,
      );
      const definitions = indexes.map(({ definition }) => definition).join("\n");
      for (const pattern of needed) expect(definitions, `after ${statement}`).toMatch(pattern);
    }
  });

  it("does not come into a deadlock with claims when it is one transaction, whenever they arrive", async () => {
    const statements = await statementsOf(name);
    const claims: Promise<number>[] = [];
    await prisma.$transaction(
      async (tx) => {
        for (const statement of statements) {
          await tx.$executeRawUnsafe(statement);
          if (!statement.includes(table)) continue;
          claims.push(claim(table));
          await untilWaiting({ prisma, schema }, claims.length);
        }
      },
      { timeout: 50_000 },
    );
    expect(new Set(await Promise.all(claims))).toEqual(new Set([0]));
  });
});

describe("the migration omni_box_administration", () => {
  const name = "omni_box_administration";
  const addEvent = (tx: Pick<PrismaClient, "$executeRawUnsafe">, id: string, status: string) =>
    tx.$executeRawUnsafe(
      `INSERT INTO ${schema}.outbox_event (id, event_type, schema_version, topic, aggregate_type, aggregate_id, partition_key, bucket,
         payload, max_attempts, status, attempts_made)
       VALUES ($1::uuid, 'order.placed', '1', 'orders', 'order', '1', 'key', 0, '{}', 10, $2, 1)`,
      id,
      status,
    );

  it("waits for a handler that has locked the inbox and not yet the outbox, and lets it end", async () => {
    const statements = await statementsOf(name);
    let migration: Promise<void> | undefined;
    await prisma.$transaction(
      async (tx) => {
        await tx.$executeRawUnsafe(`LOCK TABLE ${schema}.inbox_event IN ROW EXCLUSIVE MODE`);
        migration = prisma.$transaction(
          async (migrating) => {
            for (const statement of statements) await migrating.$executeRawUnsafe(statement);
          },
          { timeout: 50_000 },
        );
        await untilWaitingFor(`ALTER TABLE`);
        await addEvent(tx, randomUUID(), "pending");
      },
      { timeout: 50_000 },
    );
    await migration;
    const administration = createPrismaOutboxAdministration(prisma, { schema });
    expect(await administration.list({ filter: {}, limit: 10 })).toHaveLength(1);
  });

  it("builds no index where they were built before, as its documentation shows", async () => {
    const page = await readFile(new URL("../../../docs/dead-letters.md", import.meta.url), "utf8");
    const [, preparation = ""] = /<!-- prepare -->\n```sql\n([^`]+)```/.exec(page) ?? [];
    const statements = await statementsOf(name);
    for (const statement of preparation.split(";").filter((one) => one.trim() !== "")) {
      await prisma.$executeRawUnsafe(statement);
    }
    const indexes = () =>
      prisma.$queryRawUnsafe<{ name: string; file: number }[]>(
        `SELECT class.relname::text AS name, pg_relation_filenode(class.oid)::integer AS file
         FROM pg_index AS entry JOIN pg_class AS class ON class.oid = entry.indexrelid
         WHERE entry.indrelid IN ('${schema}.inbox_event'::regclass, '${schema}.outbox_event'::regclass) ORDER BY 1`,
      );
    const before = await indexes();
    for (const statement of statements) await prisma.$executeRawUnsafe(statement);
    expect(await indexes()).toEqual(before);
    const query = <Row>(sql: string, ...values: readonly unknown[]) =>
      prisma.$queryRawUnsafe<readonly Row[]>(sql, ...values);
    expect(shippedTablesOf(await readTables({ query, schema }))).toEqual(await readShippedTables());
  });

  it("dates what has failed, and rewrites no table", async () => {
    const statements = await statementsOf(name);
    const [failed, pending] = [randomUUID(), randomUUID()];
    await addEvent(prisma, failed, "failed");
    await addEvent(prisma, pending, "pending");
    const fileOf = (table: string) =>
      prisma.$queryRawUnsafe(`SELECT pg_relation_filenode('${schema}.${table}'::regclass)::integer AS file`);
    const before = [await fileOf("outbox_event"), await fileOf("inbox_event")];
    for (const statement of statements) await prisma.$executeRawUnsafe(statement);
    expect([await fileOf("outbox_event"), await fileOf("inbox_event")]).toEqual(before);
    const rows = await prisma.$queryRawUnsafe(
      `SELECT id, failed_at, history, dead_letter_attempts FROM ${schema}.outbox_event ORDER BY seq`,
    );
    expect(rows).toEqual([
      { id: failed, failed_at: expect.any(Date), history: [], dead_letter_attempts: 0 },
      { id: pending, failed_at: null, history: [], dead_letter_attempts: 0 },
    ]);
  });

  it("lets workers of the former version go on, whose failures it dates when they are first looked at", async () => {
    for (const statement of await statementsOf(name)) await prisma.$executeRawUnsafe(statement);
    const id = randomUUID();
    // As the outcome of the former version leaves it.
    await addEvent(prisma, id, "failed");
    const administration = createPrismaOutboxAdministration(prisma, { schema });
    const [listed] = await administration.list({ filter: { statuses: ["failed"] }, limit: 10 });
    expect(listed).toMatchObject({ event: { id }, failedAt: listed?.event.createdAt, history: [] });

    await prisma.$executeRawUnsafe(`UPDATE ${schema}.outbox_event SET created_at = created_at - interval '1 year'`);
    expect(await administration.removeOld({ status: "failed", olderThanMs: 60_000, limit: 10 })).toBe(0);
    const [taken] = await administration.takeDeadLetters({ limit: 10, leaseMs: 60_000 });
    expect(taken?.failedAt.getTime()).toBeGreaterThan(Date.now() - 3_600_000);
    expect(await administration.removeOld({ status: "failed", olderThanMs: 0, limit: 10 })).toBe(1);
  });
});

/** Resolves when such a statement waits for a lock. */
async function untilWaitingFor(beginning: string): Promise<void> {
  const waiting = () =>
    prisma.$queryRawUnsafe<unknown[]>(
      `SELECT 1 AS one FROM pg_locks AS lock JOIN pg_stat_activity AS activity USING (pid)
       WHERE NOT lock.granted AND activity.query LIKE '%' || $1 || '%' AND lock.relation = '${schema}.inbox_event'::regclass`,
      beginning,
    );
  await expect.poll(waiting, { timeout: 20_000 }).toHaveLength(1);
}
