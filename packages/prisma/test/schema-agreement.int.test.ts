import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Migration, openSchemaEngine, type TestSchemaEngine } from "./open-schema-engine.js";

const folder = new URL("../prisma/", import.meta.url);
const header =
  'generator client {\n  provider = "prisma-client"\n  output = "out"\n}\ndatasource db {\n  provider = "postgresql"\n}\n';
const fragment = header + readFileSync(new URL("omni-box.prisma", folder), "utf8");
const migrations: readonly Migration[] = readdirSync(new URL("migrations/", folder)).map((name) => ({
  folder: name,
  sql: readFileSync(new URL(`migrations/${name}/migration.sql`, folder), "utf8"),
}));

// A panic in the engine leaves its promise pending.
describe("the Prisma fragment and the SQL migrations", { timeout: 15_000 }, () => {
  let engine: TestSchemaEngine;
  beforeAll(async () => {
    engine = await openSchemaEngine();
  });
  afterAll(() => engine.close());

  it("describe the same tables", async () => {
    expect(await engine.diff(migrations, fragment)).toBe("");
  });

  it.each([
    ["a missing column", '  correlationId      String?   @map("correlation_id") @db.VarChar(64)\n', ""],
    ["another type", '@map("aggregate_type") @db.VarChar(50)', '@map("aggregate_type") @db.VarChar(51)'],
    ["a missing default", '@default(0) @map("attempts_made")', '@map("attempts_made")'],
    ["another database default", 'dbgenerated("statement_timestamp()")', 'dbgenerated("clock_timestamp()")'],
    ["a missing unique index", "  @@unique([messageId, consumerGroup])\n", ""],
    ["a nullable column", "  topic              String ", "  topic              String?"],
  ])("are told apart by this comparison: %s", async (_name, text, replacement) => {
    expect(fragment).toContain(text);
    expect(await engine.diff(migrations, fragment.replace(text, replacement))).toMatch(/ALTER TABLE|CREATE|DROP/);
  });
});
