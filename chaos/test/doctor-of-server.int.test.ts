import { applyOmniBoxMigrations, examineStore } from "@omni-box/prisma";
import { PrismaPg } from "@prisma/adapter-pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PrismaClient } from "../src/generated/client.js";
import { type PrivatePostgres, startPrivatePostgres } from "./private-postgres.js";

let postgres: PrivatePostgres;
let client: PrismaClient;

beforeAll(async () => {
  postgres = await startPrivatePostgres();
  client = new PrismaClient({ adapter: new PrismaPg({ connectionString: postgres.url, max: 2 }) });
  await applyOmniBoxMigrations(client);
});

afterAll(async () => {
  await client.$disconnect();
  await postgres.remove();
});

const complaints = async (longTransactionMs = 300_000) =>
  (await examineStore(client, { longTransactionMs })).filter(({ status }) => status !== "ok");

/** Changes a setting of the whole server; resolves when it holds. */
async function set(name: string, value: string): Promise<void> {
  await client.$executeRawUnsafe(`ALTER SYSTEM SET ${name} = ${value}`);
  await client.$executeRawUnsafe("SELECT 1 WHERE pg_reload_conf()");
  const shown = () => client.$queryRawUnsafe<{ value: string }[]>("SELECT current_setting($1) AS value", name);
  await expect.poll(async () => (await shown())[0]?.value, { timeout: 10_000 }).toBe(value);
}

test("a new server of the newest version has nothing that the doctor complains of", async () => {
  expect(await complaints()).toEqual([]);
});

test.each([
  ["autovacuum", { name: "autovacuum", status: "problem", found: "autovacuum is off on this server" }],
  ["track_counts", { name: "autovacuum", status: "problem", found: "track_counts is off on this server" }],
  ["fsync", { name: "durability", status: "problem", found: expect.stringContaining("fsync is off") }],
  [
    "full_page_writes",
    { name: "durability", status: "problem", found: expect.stringContaining("full_page_writes is off") },
  ],
])("it reports %s that was switched off for the whole server", async (name, expected) => {
  await set(name, "off");
  try {
    expect(await complaints()).toEqual([{ ...expected, advice: expect.any(String) }]);
  } finally {
    await set(name, "on");
  }
});

test("it reports a prepared transaction that somebody has forgotten", async () => {
  await client.$executeRawUnsafe("ALTER SYSTEM SET max_prepared_transactions = 5");
  await postgres.kill();
  await postgres.start();
  // Connections of the pool that have not noticed yet cost a statement each.
  await expect
    .poll(() =>
      client.$queryRawUnsafe("SELECT 1 AS one").then(
        () => true,
        () => false,
      ),
    )
    .toBe(true);
  await client.$transaction(async (tx) => {
    await tx.$executeRawUnsafe("CREATE TABLE forgotten ()");
    await tx.$executeRawUnsafe("PREPARE TRANSACTION 'two-phase'");
  });
  await expect
    .poll(() => complaints(1), { timeout: 10_000 })
    .toContainEqual(
      expect.objectContaining({
        name: "open transactions",
        status: "warning",
        found: expect.stringMatching(/open for \d+ s: prepared transaction two-phase/),
      }),
    );
  await client.$executeRawUnsafe("ROLLBACK PREPARED 'two-phase'");
});
