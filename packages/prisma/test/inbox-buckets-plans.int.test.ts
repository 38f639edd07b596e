import type { BucketFence, BucketReadRequest, EventRef } from "@omni-box/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createPostgresqlInboxDialect } from "../src/postgresql/create-inbox-dialect.js";
import type { Statement } from "../src/statement.js";
import { openTestDatabase, type TestDatabase } from "./open-test-database.js";
import { expectIndexed, type PlannedStatement, pagesOf, planOf } from "./query-plan.js";

/**
 * What the statements of a group's buckets cost with many events, compared with few; all of it in one table that is filled once.
 * Two groups share the table, one has a tenth of the other's events.
 */
const [few, many] = [10_000, 1_000_000];
const groups = ["shipping", "billing"] as const;
const buckets = Array.from({ length: 64 }, (_, bucket) => bucket);
const fenceOf = (group: string): BucketFence => ({
  kind: "buckets",
  owner: `worker of ${group}`,
  epochs: new Map(buckets.map((bucket) => [bucket, 1n])),
});

let database: TestDatabase;
/** The pages that each statement looked at while the events were few. */
let pagesOfFew: Readonly<Record<string, number>>;

beforeAll(async () => {
  database = await openTestDatabase();
  await ownAll();
  await fill(1, few);
  pagesOfFew = await pagesOfAll();
  await fill(few + 1, many);
}, 300_000);
afterAll(() => database.close());

async function ownAll(): Promise<void> {
  const { prisma, schema } = database;
  for (const group of groups) {
    await prisma.$executeRawUnsafe(
      `INSERT INTO ${schema}.inbox_bucket (consumer_group, bucket, owner, epoch, lease_until)
       SELECT $1, generate_series(0, 63), $2, 1, statement_timestamp()`,
      group,
      fenceOf(group).owner,
    );
  }
}

/** Messages as they come in: of 10,000 keys, half of them handled, each tenth of the other group. The first 500 have failed. */
async function fill(from: number, to: number): Promise<void> {
  const { prisma, schema } = database;
  await prisma.$executeRawUnsafe(
    `INSERT INTO ${schema}.inbox_event (id, message_id, consumer_group, source, event_type, schema_version, topic, partition_key,
       bucket, payload, max_attempts, status, completed_at)
     SELECT gen_random_uuid(), n::text, CASE WHEN n % 10 = 0 THEN 'billing' ELSE 'shipping' END, 'queue', 'order.placed', '1',
            'orders', 'key ' || n % 10000, n % 10000 % 64, '{"text": "some"}', 10,
            CASE WHEN n <= 500 THEN 'failed' WHEN n % 4 = 1 THEN 'completed' ELSE 'pending' END,
            CASE WHEN n > 500 AND n % 4 = 1 THEN statement_timestamp() END
     FROM generate_series($1::integer, $2::integer) AS n`,
    from,
    to,
  );
}

const byBucket = "inbox_event_unscheduled_idx";
const byNumber = "inbox_event_pkey";

function statementsOf(group: string, seqsFrom = 0n): Readonly<Record<string, PlannedStatement>> {
  const dialect = createPostgresqlInboxDialect({ schema: database.schema, bucketCount: 64 });
  const owned = dialect.bucketsOf(group);
  const fence = fenceOf(group);
  const request = (afterSeq: bigint, limit: number): BucketReadRequest => ({
    from: buckets.map((bucket) => ({ bucket, afterSeq, limit })),
    ...{ limit: 500, exceptSeqs: [], exceptKeys: [] },
  });
  const inHand = Array.from({ length: 2_000 }, (_, index) => seqsFrom + BigInt(index + 501));
  const waiting = Array.from({ length: 500 }, (_, index) => `key ${index + 600}`);
  const rows: EventRef[] = Array.from({ length: 100 }, (_, index) => ({ id: "", seq: seqsFrom + BigInt(600 + index) }));
  const pending = rows.map((row) => ({ ...row, attemptsMade: 1, startedAttempts: 0, delayMs: 1_000, error: "no" }));
  const of = (statement: Statement, index: string): PlannedStatement => ({ statement, index });
  const [bucket, epoch] = [buckets[0] ?? 0, 1n];
  const ofOne: BucketFence = { ...fence, epochs: new Map([[bucket, epoch]]) };
  return {
    "a read of 8 events of each bucket": of(owned.read(request(0n, 8)), byBucket),
    "a read of one full bucket": of(owned.read({ ...request(0n, 100), limit: 100 }), byBucket),
    "a read around events in hand and waiting keys": of(
      owned.read({ ...request(0n, 8), exceptSeqs: inHand, exceptKeys: waiting }),
      byBucket,
    ),
    "a read that finds nothing": of(owned.read(request(BigInt(many) * 2n, 8)), byBucket),
    "a peek": of(owned.peek(request(0n, 1)), byBucket),
    "the end of 5 schedules": of(owned.endSchedules(fence, 5), "inbox_event_scheduled_idx"),
    "the state of 100 events": of(owned.headStates(rows.map(({ seq }) => seq)), byNumber),
    "the failed heads": of(owned.failedHeads(buckets), "inbox_event_failed_key_idx"),
    "100 pending events": of(dialect.recordPending(fence, pending), byNumber),
    "100 completed events": of(dialect.recordCompleted(fence, rows), byNumber),
    "the completion of an event": of(dialect.complete(ofOne, { id: "", seq: seqsFrom + 1_003n }), byNumber),
    "the start of an event": of(owned.recordStarted(fence, { id: "", seq: seqsFrom + 1_003n }, 1), byNumber),
  };
}

async function pagesOfAll(): Promise<Record<string, number>> {
  const entries: [string, number][] = [];
  for (const group of groups) {
    for (const [name, { statement }] of Object.entries(statementsOf(group)))
      entries.push([`${group}: ${name}`, pagesOf(await planOf(database, statement))]);
  }
  return Object.fromEntries(entries);
}

async function expectShortPlans(seqsFrom = 0n): Promise<void> {
  for (const group of groups) {
    for (const [name, { statement, index }] of Object.entries(statementsOf(group, seqsFrom))) {
      const title = `${group}: ${name}`;
      const plan = await planOf(database, statement);
      expectIndexed(plan, "inbox_event", index, title);
      // The index is a level or two higher, which a read pays once for each bucket, and the others for each of 100 events, once
      // or twice. A bucket alone takes more than 1,000 pages.
      const levels = index === byNumber ? 600 : 150;
      const limit = (pagesOfFew[title] ?? 0) * 2 + levels;
      expect(pagesOf(plan), `${title}: ${pagesOfFew[title]} pages of few`).toBeLessThanOrEqual(limit);
    }
  }
}

describe("with a million events of two groups the statements look at about as many pages as with ten thousand", () => {
  it("before the table was analyzed, or with what autovacuum knew of it meanwhile", () => expectShortPlans());

  it("with fresh statistics", async () => {
    await database.prisma.$executeRawUnsafe(`ANALYZE ${database.schema}.inbox_event`);
    await expectShortPlans();
  });
});

it("statistics that know nothing pending and no group do not make them longer", async () => {
  const filled = database;
  const stale = await openTestDatabase();
  try {
    database = stale;
    const { prisma, schema } = stale;
    await prisma.$executeRawUnsafe(`ALTER TABLE ${schema}.inbox_event SET (autovacuum_enabled = false)`);
    await prisma.$executeRawUnsafe(
      `INSERT INTO ${schema}.inbox_event (id, message_id, consumer_group, source, event_type, schema_version, topic, partition_key,
         bucket, payload, max_attempts, status, completed_at)
       SELECT gen_random_uuid(), 'former ' || n, 'former', 'queue', 'order.placed', '1', 'orders', 'key ' || n % 100, n % 64, '{}',
              10, 'completed', statement_timestamp()
       FROM generate_series(1, 100000) AS n`,
    );
    await prisma.$executeRawUnsafe(`ANALYZE ${schema}.inbox_event`);
    await ownAll();
    await fill(1, 100_000);
    await expectShortPlans(100_000n);
  } finally {
    database = filled;
    await stale.close();
  }
}, 180_000);
