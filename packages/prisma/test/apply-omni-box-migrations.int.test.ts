import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { applyOmniBoxMigrations, createPrismaOutboxRepository } from "@omni-box/prisma";
import { PrismaPg } from "@prisma/adapter-pg";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readShippedMigrations } from "../src/shipped-migrations.js";
import { PrismaClient } from "./generated/client.js";
import { databaseUrl } from "./open-test-database.js";
import { sampleEvents } from "./sample-event.js";

let schema: string;
let prisma: PrismaClient;
beforeEach(async () => {
  // A name that has to be quoted.
  schema = `Omni "box" test ${randomBytes(6).toString("hex")}`;
  prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: databaseUrl, max: 8 }) });
  await prisma.$executeRawUnsafe(`CREATE SCHEMA ${quoted()}`);
});
afterEach(async () => {
  await prisma.$executeRawUnsafe(`DROP SCHEMA ${quoted()} CASCADE`);
  await prisma.$disconnect();
});

const quoted = () => `"${schema.replaceAll('"', '""')}"`;
const recorded = () =>
  prisma.$queryRawUnsafe<{ name: string; checksum: string | null }[]>(
    `SELECT name, checksum FROM ${quoted()}.omni_box_migration ORDER BY name`,
  );

describe("applyOmniBoxMigrations", () => {
  it("creates the tables in the given schema, records name and checksum, and does nothing the second time", async () => {
    const shipped = await readShippedMigrations();
    const names = shipped.map(({ name }) => name);
    expect(await applyOmniBoxMigrations(prisma, { schema })).toEqual({ applied: names });
    expect(await recorded()).toHaveLength(shipped.length);
    expect(await recorded()).toEqual(expect.arrayContaining(shipped.map(({ name, checksum }) => ({ name, checksum }))));
    expect(await applyOmniBoxMigrations(prisma, { schema })).toEqual({ applied: [] });
    expect(await createPrismaOutboxRepository(prisma, { schema }).verify()).toEqual([]);
  });

  it("leaves the search_path of the pool's connections as it was", async () => {
    const read = () => prisma.$queryRawUnsafe<{ path: string }[]>("SELECT current_setting('search_path') AS path");
    const before = await read();
    await applyOmniBoxMigrations(prisma, { schema });
    for (let turn = 0; turn < 8; turn += 1) expect(await read()).toEqual(before);
  });

  it("uses the connection's search_path when no schema is given", async () => {
    const adapter = new PrismaPg({
      connectionString: databaseUrl,
      options: `-c search_path=${quoted().replaceAll(" ", "\\ ")}`,
    });
    const pathed = new PrismaClient({ adapter });
    try {
      expect((await applyOmniBoxMigrations(pathed)).applied).toContain("omni_box_init");
      const repository = createPrismaOutboxRepository(pathed);
      await pathed.$transaction((tx) => repository.add(tx, sampleEvents(2)));
      expect(await repository.findDue({ limit: 10 })).toHaveLength(2);
      expect(await recorded()).toHaveLength((await readShippedMigrations()).length);
    } finally {
      await pathed.$disconnect();
    }
  });

  it("lets exactly one of many processes that start at once apply each migration", async () => {
    const results = await Promise.all(Array.from({ length: 6 }, () => applyOmniBoxMigrations(prisma, { schema })));
    const names = (await readShippedMigrations()).map(({ name }) => name);
    expect(results.flatMap(({ applied }) => applied).sort()).toEqual([...names].sort());
  });

  it("recognises tables that prisma migrate made from the same files", async () => {
    const folder = new URL("../prisma/migrations/", import.meta.url);
    for (const name of readdirSync(folder)) {
      const sql = readFileSync(new URL(`${name}/migration.sql`, folder), "utf8");
      await prisma.$transaction(async (tx) => {
        await tx.$executeRawUnsafe(`SET LOCAL search_path TO ${quoted()}`);
        await tx.$executeRawUnsafe(sql);
      });
    }
    expect(await applyOmniBoxMigrations(prisma, { schema })).toEqual({ applied: [] });
    const names = (await readShippedMigrations()).map(({ name }) => name);
    expect(await recorded()).toEqual([...names].sort().map((name) => ({ name, checksum: null })));
    expect(await createPrismaOutboxRepository(prisma, { schema }).verify()).toEqual([]);
  });

  it("refuses to go on when the SQL of an applied migration is another", async () => {
    await applyOmniBoxMigrations(prisma, { schema });
    await prisma.$executeRawUnsafe(`UPDATE ${quoted()}.omni_box_migration SET checksum = 'edited'`);
    await expect(applyOmniBoxMigrations(prisma, { schema })).rejects.toMatchObject({
      code: "CONFIG.STORE_NOT_READY",
      message: expect.stringContaining("omni_box_init"),
    });
  });

  it("refuses tables that nobody recorded, and changes nothing", async () => {
    await prisma.$executeRawUnsafe(`CREATE TABLE ${quoted()}.outbox_event (id integer)`);
    await expect(applyOmniBoxMigrations(prisma, { schema })).rejects.toMatchObject({
      code: "CONFIG.STORE_NOT_READY",
      message: expect.stringContaining("tables of the same names exist already"),
    });
    const tables = await prisma.$queryRawUnsafe("SELECT 1 AS one FROM pg_tables WHERE schemaname = $1", schema);
    expect(tables).toHaveLength(1);
  });

  it("says that a schema does not exist instead of using another", async () => {
    await expect(applyOmniBoxMigrations(prisma, { schema: "omni_box_test_nowhere" })).rejects.toMatchObject({
      code: "STORE.SCHEMA_MISSING",
      message: expect.stringContaining('the schema "omni_box_test_nowhere" does not exist'),
    });
  });

  it("lists all wrong options at once", async () => {
    const wrong = { schema: "x".repeat(64), timeoutMs: 0, dryRun: true };
    await expect(applyOmniBoxMigrations(prisma, wrong as never)).rejects.toMatchObject({
      code: "CONFIG.INVALID_OPTIONS",
      meta: { problems: expect.toSatisfy((problems: string[]) => problems.length === 3) },
    });
  });
});

describe("every shipped migration", () => {
  it("records itself under its folder's name, so that prisma migrate leaves the same record", async () => {
    for (const { name, sql } of await readShippedMigrations()) {
      expect(sql).toContain(`INSERT INTO omni_box_migration (name) VALUES ('${name}');`);
    }
  });

  it("can be split at its semicolons, as some runners do, and names no schema", async () => {
    for (const { sql } of await readShippedMigrations()) {
      for (const line of sql.split("\n")) expect(line).toMatch(/^[^;]*;?$/);
      expect(sql).not.toMatch(/--.*;/);
      expect(sql).not.toMatch(/\bpublic\b/);
    }
  });
});
