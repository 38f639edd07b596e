import { createOutbox, createOutboxEvent } from "@omni-box/core";
import { applyOmniBoxMigrations, createPrismaInboxRepository, createPrismaOutboxRepository } from "@omni-box/prisma";
import { PrismaPg } from "@prisma/adapter-pg";
import { PrismaClient } from "./generated/client.js";

/** How the connections to a database differ from the usual ones. */
export interface DatabaseOptions {
  readonly maxConnections?: number;
  /** Of the outbox repository. */
  readonly statementTimeoutMs?: number;
}

/**
 * Connects to one PostgreSQL schema, by default with as many connections as a consumer with `concurrency: 4` and a processor with
 * as many need. Published events are kept, so that their attempts can be looked at.
 */
export function openDatabase(url: string, schema: string, options: DatabaseOptions = {}) {
  const { maxConnections = 13, statementTimeoutMs } = options;
  const driver = { connectionString: url, max: maxConnections };
  const client = new PrismaClient({ adapter: new PrismaPg(driver, { schema }) });
  return {
    client,
    schema,
    repository: createPrismaOutboxRepository(client, { schema, onPublished: "keep", statementTimeoutMs }),
    inbox: createPrismaInboxRepository(client, { schema }),
    /** Counts one more process that is about to be killed; `false` when the message has had as many as it asked for. */
    async countDeath(kills: number): Promise<boolean> {
      const counted = await client.$executeRawUnsafe(
        `INSERT INTO "${schema}".death SELECT WHERE (SELECT count(*) FROM "${schema}".death) < $1::integer`,
        kills,
      );
      return counted > 0;
    },
  };
}

/** See {@link openDatabase}. */
export type Database = ReturnType<typeof openDatabase>;

/** Makes the schema and its tables. */
export async function createTables({ client, schema }: Database): Promise<void> {
  await client.$executeRawUnsafe(`CREATE SCHEMA "${schema}"`);
  await applyOmniBoxMigrations(client, { schema });
  // Without a unique key, so that an effect that is applied twice shows.
  await client.$executeRawUnsafe(`CREATE TABLE "${schema}".effect (message_id text NOT NULL)`);
  await client.$executeRawUnsafe(`CREATE TABLE "${schema}".death ()`);
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
