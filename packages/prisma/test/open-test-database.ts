import { randomBytes } from "node:crypto";
import { PrismaPg } from "@prisma/adapter-pg";
import { applyOmniBoxMigrations } from "../src/apply-omni-box-migrations.js";
import { PrismaClient } from "./generated/client.js";

export const databaseUrl = process.env.DATABASE_URL ?? "postgresql://postgres@127.0.0.1:5432/postgres";

/** A schema of its own for one test file, with the omni-box tables and the tests' own. */
export interface TestDatabase {
  readonly schema: string;
  readonly prisma: PrismaClient;
  /** Another client with connections of its own; closed with the database. */
  connect(options?: { connections?: number; logQueries?: (sql: string) => void }): PrismaClient;
  /** Moves all stored times into the past, as if `ms` had gone by. */
  advanceTime(ms: number): Promise<void>;
  /** Removes all events and workers, and frees all buckets. */
  empty(): Promise<void>;
  close(): Promise<void>;
}

export async function openTestDatabase(): Promise<TestDatabase> {
  const schema = `omni_box_test_${randomBytes(6).toString("hex")}`;
  const clients: PrismaClient[] = [];

  function connect({ connections = 10, logQueries }: Parameters<TestDatabase["connect"]>[0] = {}): PrismaClient {
    const adapter = new PrismaPg({ connectionString: databaseUrl, max: connections }, { schema });
    const client = new PrismaClient({ adapter, log: [{ emit: "event", level: "query" }] });
    if (logQueries !== undefined) client.$on("query", ({ query }) => logQueries(query));
    clients.push(client);
    return client;
  }

  const prisma = connect();
  await prisma.$executeRawUnsafe(`CREATE SCHEMA ${schema}`);
  await applyOmniBoxMigrations(prisma, { schema });
  await prisma.$executeRawUnsafe(
    `CREATE TABLE ${schema}.test_order (id serial PRIMARY KEY, customer text UNIQUE NOT NULL, total_cents integer NOT NULL)`,
  );

  await prisma.$executeRawUnsafe(`CREATE TABLE ${schema}.test_effect (name text NOT NULL)`);

  return {
    schema,
    prisma,
    connect,
    async advanceTime(ms) {
      for (const table of ["outbox_event", "inbox_event"]) {
        await prisma.$executeRawUnsafe(
          `UPDATE ${schema}.${table} AS event
           SET created_at = event.created_at - gone,
               scheduled_at = event.scheduled_at - gone,
               next_attempt_at = event.next_attempt_at - gone,
               completed_at = event.completed_at - gone,
               failed_at = event.failed_at - gone,
               dead_lettered_at = event.dead_lettered_at - gone,
               dead_letter_at = event.dead_letter_at - gone,
               lease_until = event.lease_until - gone
           FROM (SELECT $1::double precision * interval '1 millisecond' AS gone) AS time`,
          ms,
        );
      }
      for (const table of ["outbox_bucket", "outbox_worker", "inbox_bucket", "inbox_worker"]) {
        await prisma.$executeRawUnsafe(
          `UPDATE ${schema}.${table} SET lease_until = lease_until - $1::double precision * interval '1 millisecond'`,
          ms,
        );
      }
    },
    async empty() {
      await prisma.$executeRawUnsafe(
        `TRUNCATE ${schema}.outbox_event, ${schema}.inbox_event, ${schema}.inbox_sequence, ${schema}.outbox_worker, ${schema}.inbox_bucket,
           ${schema}.inbox_worker, ${schema}.test_order, ${schema}.test_effect`,
      );
      await prisma.$executeRawUnsafe(
        `UPDATE ${schema}.outbox_bucket SET owner = NULL, epoch = 0, lease_until = NULL, unclean_takeovers = 0
         WHERE epoch > 0`,
      );
    },
    async close() {
      await prisma.$executeRawUnsafe(`DROP SCHEMA ${schema} CASCADE`);
      for (const client of clients) await client.$disconnect();
    },
  };
}
