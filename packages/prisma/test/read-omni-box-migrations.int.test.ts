import { randomBytes } from "node:crypto";
import { applyOmniBoxMigrations, readOmniBoxMigrations } from "@omni-box/prisma";
import { PrismaPg } from "@prisma/adapter-pg";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readShippedMigrations } from "../src/shipped-migrations.js";
import { PrismaClient } from "./generated/client.js";
import { databaseUrl } from "./open-test-database.js";

let schema: string;
let prisma: PrismaClient;
beforeEach(async () => {
  schema = `Omni "box" test ${randomBytes(6).toString("hex")}`;
  prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: databaseUrl, max: 2 }) });
  await prisma.$executeRawUnsafe(`CREATE SCHEMA ${quoted()}`);
});
afterEach(async () => {
  await prisma.$executeRawUnsafe(`DROP SCHEMA IF EXISTS ${quoted()} CASCADE`);
  await prisma.$disconnect();
});

const quoted = () => `"${schema.replaceAll('"', '""')}"`;
const table = () => `${quoted()}.omni_box_migration`;

describe("readOmniBoxMigrations", () => {
  it("says of every migration that it is missing where there are no tables", async () => {
    const names = (await readShippedMigrations()).map(({ name }) => name);
    expect(await readOmniBoxMigrations(prisma, { schema })).toEqual(
      names.map((name) => ({ name, state: "missing", appliedAt: null, appliedBy: null })),
    );
  });

  it("tells who applied a migration, and which ones are missing, changed or of a later version", async () => {
    await applyOmniBoxMigrations(prisma, { schema });
    await prisma.$executeRawUnsafe(`UPDATE ${table()} SET checksum = NULL WHERE name = 'omni_box_init'`);
    await prisma.$executeRawUnsafe(`UPDATE ${table()} SET checksum = 'other' WHERE name = 'omni_box_inbox'`);
    await prisma.$executeRawUnsafe(`DELETE FROM ${table()} WHERE name = 'omni_box_buckets'`);
    await prisma.$executeRawUnsafe(`INSERT INTO ${table()} (name) VALUES ('omni_box_future')`);

    const found = await readOmniBoxMigrations(prisma, { schema });

    const of = (wanted: string) => found.find(({ name }) => name === wanted);
    expect(of("omni_box_init")).toMatchObject({ state: "applied", appliedBy: "prisma migrate" });
    expect(of("omni_box_inbox")).toMatchObject({ state: "changed", appliedBy: "omni-box" });
    expect(of("omni_box_buckets")).toMatchObject({ state: "missing", appliedAt: null });
    expect(of("omni_box_inbox_sequence")).toMatchObject({ state: "applied", appliedBy: "omni-box" });
    expect(of("omni_box_inbox_sequence")?.appliedAt).toBeInstanceOf(Date);
    expect(found.at(-1)).toMatchObject({ name: "omni_box_future", state: "unknown" });
  });

  it("refuses a schema that does not exist", async () => {
    await prisma.$executeRawUnsafe(`DROP SCHEMA ${quoted()}`);
    await expect(readOmniBoxMigrations(prisma, { schema })).rejects.toMatchObject({ code: "STORE.SCHEMA_MISSING" });
  });
});
