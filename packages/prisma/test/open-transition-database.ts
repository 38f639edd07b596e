import { openTestDatabase, type TestDatabase } from "./open-test-database.js";

/** A database with the tables of the models whose states the tests watch. */
export async function openTransitionDatabase(): Promise<TestDatabase> {
  const database = await openTestDatabase();
  const { prisma, schema } = database;
  const tables = ["test_parcel", '"test ticket"', "test_queue", '"TestDevice"'].map((table) => `${schema}.${table}`);
  const statements = [
    `CREATE TYPE ${schema}.test_ticket_state AS ENUM ('open', 'in work', 'CLOSED')`,
    `CREATE TABLE ${schema}.test_queue (id serial PRIMARY KEY, name text UNIQUE NOT NULL)`,
    `CREATE TABLE ${schema}."test ticket" (
       ticket_id serial PRIMARY KEY,
       reference text UNIQUE NOT NULL,
       ticket_state ${schema}.test_ticket_state NOT NULL DEFAULT 'open',
       row_version integer NOT NULL DEFAULT 1,
       note jsonb,
       queue_id integer REFERENCES ${schema}.test_queue,
       parent_id integer REFERENCES ${schema}."test ticket"
     )`,
    `CREATE TABLE ${schema}.test_parcel (
       tenant text NOT NULL, number bigint NOT NULL, place text, label text, PRIMARY KEY (tenant, number)
     )`,
    `CREATE TABLE ${schema}."TestDevice" (
       id uuid PRIMARY KEY, level integer NOT NULL, change bigint NOT NULL DEFAULT 0, name text NOT NULL
     )`,
  ];
  for (const statement of statements) await prisma.$executeRawUnsafe(statement);
  return {
    ...database,
    async empty() {
      await prisma.$executeRawUnsafe(`TRUNCATE ${tables.join(", ")} RESTART IDENTITY`);
      await database.empty();
    },
  };
}
