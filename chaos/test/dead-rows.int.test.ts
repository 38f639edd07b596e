import { createOutboxRelay, ownedBuckets } from "@omni-box/core";
import { createMemoryBroker } from "@omni-box/core/testing";
import pg from "pg";
import { afterEach, expect, test } from "vitest";
import { commitEvents, createTables, type Database, openDatabase } from "../src/open-database.js";
import { keyOfEachBucket } from "./key-of-each-bucket.js";
import { type PrivatePostgres, startPrivatePostgres } from "./private-postgres.js";

const schema = "dead_rows";
const table = `"${schema}".outbox_event`;
const statementTimeoutMs = 500;
/** So much longer than that it takes to read all buckets from their beginning, whatever else the machine does. */
const factor = 3;
const deadAtOnce = 100_000;
/** The first `seq` that is drawn: those below are for events that only reading from the beginning finds. */
const firstSeq = 1_000_000;
const settled = { timeout: 150_000, interval: 100 };
const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanups.splice(0).reverse()) await cleanUp();
});

/** With so little memory that a dead row costs what it does in a large database. */
async function startSmallPostgres(): Promise<PrivatePostgres> {
  const postgres = await startPrivatePostgres();
  cleanups.push(() => postgres.remove());
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  for (const setting of ["shared_buffers = '4MB'", "fsync = off", "max_wal_size = '8GB'"])
    await client.query(`ALTER SYSTEM SET ${setting}`);
  await client.end();
  await postgres.kill();
  await postgres.start();
  return postgres;
}

/** A transaction that stays open and needs all that was there when it began. */
async function holdSnapshot({ url }: PrivatePostgres): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  cleanups.push(() => client.end());
  await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
  await client.query("SELECT count(*) FROM pg_class");
}

/** Events that are gone as soon as they have come. */
async function addDeadRows({ client }: Database): Promise<void> {
  await client.$transaction(
    async (tx) => {
      await tx.$executeRawUnsafe(
        `INSERT INTO ${table} (id, event_type, schema_version, topic, aggregate_type, aggregate_id, partition_key, bucket, payload,
           max_attempts)
         SELECT gen_random_uuid(), 'thing.gone', '1', 'gone', 'thing', n::text, 'gone', n % 64,
                jsonb_build_object('text', repeat('gone', 100)), 10
         FROM generate_series(1, $1::integer) AS n`,
        deadAtOnce,
      );
      await tx.$executeRawUnsafe(`DELETE FROM ${table} WHERE partition_key = 'gone'`);
    },
    { timeout: 120_000 },
  );
}

/** Puts an event in front of all others of each bucket, where no cursor comes by. */
async function addInFront({ client }: Database, keys: readonly string[]): Promise<void> {
  await client.$executeRawUnsafe(
    `INSERT INTO ${table} (seq, id, event_type, schema_version, topic, aggregate_type, aggregate_id, partition_key, bucket, payload,
       max_attempts)
     OVERRIDING SYSTEM VALUE
     SELECT ord, gen_random_uuid(), 'thing.again', '1', 'again', 'thing', key, key, ord - 1, '{}', 10
     FROM unnest($1::text[]) WITH ORDINALITY AS given (key, ord)`,
    keys,
  );
}

/** How long one statement takes that reads all buckets from their beginning. */
async function wholeReadMs({ repository }: Database): Promise<number> {
  const { buckets } = repository;
  if (buckets === undefined) throw new Error("the repository has no buckets");
  const from = Array.from({ length: 64 }, (_, bucket) => ({ bucket, afterSeq: 0n, limit: 8 }));
  const startedAt = performance.now();
  await buckets.read({ from, limit: 512, exceptSeqs: [], exceptKeys: [] });
  return performance.now() - startedAt;
}

test("beside a transaction that keeps more dead rows than one statement can walk over, a relay goes on publishing and finding what is pending again", async () => {
  const postgres = await startSmallPostgres();
  const operator = openDatabase(postgres.url, schema, { statementTimeoutMs: 60_000 });
  cleanups.push(() => operator.client.$disconnect());
  await createTables(operator);
  await operator.client.$executeRawUnsafe(`ALTER TABLE ${table} ALTER COLUMN seq RESTART WITH ${firstSeq}`);
  const keys = keyOfEachBucket();

  const { client, repository } = openDatabase(postgres.url, schema, { statementTimeoutMs });
  cleanups.push(() => client.$disconnect());
  const broker = createMemoryBroker();
  broker.bind("all", "#");
  const arrived = (topic: string) => broker.messages("all").filter((message) => message.topic === topic).length;
  const relay = createOutboxRelay({ repository, publisher: broker.publisher(), fetch: ownedBuckets() });
  cleanups.push(() => relay.stop());
  await relay.start();

  await holdSnapshot(postgres);
  let committed = 0;
  let tookMs = 0;
  let rounds = 0;
  for (; tookMs < factor * statementTimeoutMs; rounds += 1) {
    expect(rounds, `reading all buckets takes ${tookMs} ms`).toBeLessThan(100);
    await addDeadRows(operator);
    committed += (await commitEvents(operator, "live", 100)).length;
    await expect.poll(() => arrived("live"), settled).toBe(committed);
    tookMs = await wholeReadMs(operator);
  }
  // Nothing leads to these but reading every bucket from its beginning, one portion after the other.
  await addInFront(operator, keys);
  await expect.poll(() => arrived("again"), settled).toBe(keys.length);
  committed += (await commitEvents(operator, "live", 100)).length;
  await expect.poll(() => arrived("live"), settled).toBe(committed);
}, 400_000);
