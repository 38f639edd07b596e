import { afterAll, beforeAll, expect, it } from "vitest";
import { readTables } from "../src/doctor/read-tables.js";
import { shippedTablesFile, shippedTablesOf } from "../src/doctor/shipped-tables.js";
import { openTestDatabase, type TestDatabase } from "./open-test-database.js";

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());

it("what the doctor compares with is what the migrations make", async () => {
  const query = <Row>(sql: string, ...values: readonly unknown[]) =>
    database.prisma.$queryRawUnsafe<readonly Row[]>(sql, ...values);
  const tables = shippedTablesOf(await readTables({ query, schema: database.schema }));
  // After a new migration: run this test with --update, and look at what has changed.
  await expect(`${JSON.stringify(tables, null, 2)}\n`).toMatchFileSnapshot(shippedTablesFile.pathname);
});
