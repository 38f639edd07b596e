import { readFileSync } from "node:fs";
import { createOutboxRelay, type FetchStrategy, leased, ownedBuckets } from "@omni-box/core";
import { createMemoryBroker } from "@omni-box/core/testing";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createPrismaOutboxRepository } from "../src/create-prisma-outbox-repository.js";
import { openTestDatabase, type TestDatabase } from "./open-test-database.js";
import { sampleEvents } from "./sample-event.js";

let database: TestDatabase;
let definition: string | undefined;
beforeAll(async () => {
  database = await openTestDatabase();
  definition = await definitionOfIndex();
  await database.prisma.$executeRawUnsafe(inSchema(sqlOfPage("DROP INDEX")));
});
afterAll(() => database.close());

/** The statement as docs/configuration.md has it. */
function sqlOfPage(begin: string): string {
  const page = readFileSync(new URL("../../../docs/configuration.md", import.meta.url), "utf8");
  const blocks = [...page.matchAll(/```sql\n([^`]*outbox_event_due_idx[^`]*)```/g)].map(([, sql = ""]) => sql);
  return blocks.find((sql) => sql.startsWith(begin)) ?? "";
}

/** In this test's schema, and without waiting for the transactions of other tests. */
const inSchema = (sql: string) =>
  sql
    .replace("CONCURRENTLY ", "")
    .replace("DROP INDEX ", `$&${database.schema}.`)
    .replace(" ON outbox_event", ` ON ${database.schema}.outbox_event`);

async function definitionOfIndex(): Promise<string | undefined> {
  const [index] = await database.prisma.$queryRawUnsafe<{ indexdef: string }[]>(
    "SELECT indexdef FROM pg_indexes WHERE schemaname = $1 AND indexname = 'outbox_event_due_idx'",
    database.schema,
  );
  return index?.indexdef;
}

it.each<[string, FetchStrategy]>([
  ["owns buckets", ownedBuckets()],
  ["leases rows", leased()],
])("a relay that %s works without the index of due events, and its start does not miss it", async (_name, fetch) => {
  expect(await definitionOfIndex()).toBeUndefined();
  const { prisma, schema } = database;
  const repository = createPrismaOutboxRepository(prisma, { schema });
  expect(await repository.verify()).toEqual([]);
  await prisma.$transaction((tx) => repository.add(tx, sampleEvents(100)));
  const broker = createMemoryBroker();
  broker.bind("all", "#");
  const relay = createOutboxRelay({ repository, publisher: broker.publisher(), fetch });
  await relay.start();
  await broker.waitForMessages("all", 100);
  await relay.stop();
  expect(broker.messages("all")).toHaveLength(100);
});

it("the index is made again as the migration makes it by what the documentation says", async () => {
  await database.prisma.$executeRawUnsafe(inSchema(sqlOfPage("CREATE INDEX")));
  expect(definition).toContain("outbox_event_due_idx");
  expect(await definitionOfIndex()).toBe(definition);
});
