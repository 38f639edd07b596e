import { randomBytes } from "node:crypto";
import { PrismaPg } from "@prisma/adapter-pg";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
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
