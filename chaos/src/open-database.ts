import { createOutbox, createOutboxEvent } from "@omni-box/core";
import { applyOmniBoxMigrations, createPrismaOutboxRepository } from "@omni-box/prisma";
import { PrismaPg } from "@prisma/adapter-pg";
import { PrismaClient } from "./generated/client.js";

/** Connects to one PostgreSQL schema. Published events are kept, so that their attempts can be looked at. */
export function openDatabase(url: string, schema: string) {
  const client = new PrismaClient({ adapter: new PrismaPg({ connectionString: url, max: 5 }, { schema }) });
  return { client, schema, repository: createPrismaOutboxRepository(client, { schema, onPublished: "keep" }) };
}

/** See {@link openDatabase}. */
export type Database = ReturnType<typeof openDatabase>;

/** Makes the schema and its tables. */
export async function createTables({ client, schema }: Database): Promise<void> {
  await client.$executeRawUnsafe(`CREATE SCHEMA "${schema}"`);
  await applyOmniBoxMigrations(client, { schema });
}

/** Removes the schema and closes the connections. */
export async function dropTables({ client, schema }: Database): Promise<void> {
  await client.$executeRawUnsafe(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
  await client.$disconnect();
}

/** Commits `count` events, a hundred per transaction, and returns their ids. */
export async function commitEvents({ client, repository }: Database, topic: string, count: number): Promise<string[]> {
  const outbox = createOutbox({ repository });
  const ids: string[] = [];
  for (let first = 0; first < count; first += 100) {
    const events = Array.from({ length: Math.min(100, count - first) }, (_, offset) =>
      sampleEvent(topic, first + offset),
    );
    await client.$transaction((tx) => outbox.add(tx, events));
    ids.push(...events.map(({ id }) => id));
  }
  return ids;
}

function sampleEvent(topic: string, number: number) {
  return createOutboxEvent({
    type: "thing.happened",
    schemaVersion: "1",
    topic,
    aggregateType: "thing",
    aggregateId: number % 50,
    payload: { number },
  });
}
