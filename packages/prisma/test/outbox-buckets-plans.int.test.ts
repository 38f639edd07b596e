import { randomUUID } from "node:crypto";
import { type BucketFence, type BucketReadRequest, defaults, type EventRef } from "@omni-box/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createPostgresqlOutboxDialect } from "../src/postgresql/create-outbox-dialect.js";
import type { Statement } from "../src/statement.js";
import { openTestDatabase, type TestDatabase } from "./open-test-database.js";
import { expectIndexed, nodesOf, type PlannedStatement, pagesOf, planOf, scansOf } from "./query-plan.js";

/** What the statements of owned buckets cost with many events, compared with few; all of it in one table that is filled once. */
const [few, many] = [10_000, 1_000_000];
const batch = defaults.batchSize;
const buckets = Array.from({ length: 64 }, (_, bucket) => bucket);
const fence: BucketFence = { kind: "buckets", owner: "worker", epochs: new Map(buckets.map((bucket) => [bucket, 1n])) };

let database: TestDatabase;
let statements: PlannedStatements;
/** The pages that each statement looked at while the events were few. */
let pagesOfFew: Readonly<Record<string, number>>;

beforeAll(async () => {
  database = await openTestDatabase();
  statements = statementsOf(database);
  await own(database);
  await fill(database, 1, few);
  pagesOfFew = await pagesOfAll();
  await fill(database, few + 1, many);
}, 120_000);
afterAll(() => database.close());

async function own({ prisma, schema }: TestDatabase): Promise<void> {
  await prisma.$executeRawUnsafe(
    `UPDATE ${schema}.outbox_bucket SET owner = 'worker', epoch = 1, lease_until = statement_timestamp()`,
  );
}

/** Events as they come in: of 10,000 keys, each twenty-first scheduled. The first 500 have failed, however many there are. */
async function fill({ prisma, schema }: TestDatabase, from: number, to: number): Promise<void> {
  await insertEvents(prisma, schema, from, to, {
    topic: "'orders'",
    status: "CASE WHEN n <= 500 THEN 'failed' ELSE 'pending' END",
    scheduled_at:
      "CASE WHEN n % 21 = 0 THEN statement_timestamp() - interval '1 hour' + n * interval '1 microsecond' END",
  });
}

/** Inserts events with columns that are SQL over `n`. */
async function insertEvents(
  prisma: TestDatabase["prisma"],
  schema: string,
  from: number,
  to: number,
  columns: Readonly<Record<string, string>>,
): Promise<void> {
  await prisma.$executeRawUnsafe(
    `INSERT INTO ${schema}.outbox_event (id, event_type, schema_version, aggregate_type, aggregate_id, partition_key, bucket,
       payload, max_attempts, ${Object.keys(columns).join(", ")})
     SELECT gen_random_uuid(), 'order.placed', '1', 'order', n::text, 'key ' || n % 10000, n % 10000 % 64, '{"text": "some"}', 10,
            ${Object.values(columns).join(", ")}
     FROM generate_series($1::integer, $2::integer) AS n`,
    from,
    to,
  );
}

const byBucket = "outbox_event_unscheduled_idx";
const byNumber = "outbox_event_pkey";

type PlannedStatements = Readonly<Record<string, PlannedStatement>>;

function statementsOf({ schema }: TestDatabase, seqsFrom = 0n): PlannedStatements {
  const [deleting, keeping] = (["delete", "keep"] as const).map((onPublished) =>
    createPostgresqlOutboxDialect({ schema, onPublished }),
  );
  if (deleting === undefined || keeping === undefined) throw new Error("two dialects were expected");
  const position = (afterSeq: bigint, limit: number): BucketReadRequest => ({
    ...{ from: buckets.map((bucket) => ({ bucket, afterSeq, limit })), limit: batch, exceptSeqs: [], exceptKeys: [] },
  });
  const inHand = Array.from({ length: 2_000 }, (_, index) => seqsFrom + BigInt(index + 501));
  const waiting = Array.from({ length: 500 }, (_, index) => `key ${index + 600}`);
  // Each statement has events of its own, since what is undone leaves dead versions of them.
  let used = 0;
  const rows = (): EventRef[] => {
    used += batch;
    return Array.from({ length: batch }, (_, index) => ({ id: "", seq: seqsFrom + BigInt(500 + used + index) }));
  };
  const pending = rows().map((row) => ({ ...row, attemptsMade: 1, startedAttempts: 0, delayMs: 1_000, error: "no" }));
  // Few, since what is undone stays in the index of failed events.
  const failed = rows()
    .slice(0, 500)
    .map((row) => ({ ...row, attemptsMade: 1, error: "no" }));
  const of = (statement: Statement, index: string): PlannedStatement => ({ statement, index });
  const { buckets: owned } = deleting;
  return {
    "a read of 8 events of each bucket": of(owned.read(position(0n, 8)), byBucket),
    "a read of one full bucket": of(owned.read({ ...position(0n, 100), limit: 100 }), byBucket),
    "a read around events in hand and waiting keys": of(
      owned.read({ ...position(0n, 8), exceptSeqs: inHand, exceptKeys: waiting }),
      byBucket,
    ),
    "a read that finds nothing": of(owned.read(position(BigInt(many) * 2n, 8)), byBucket),
    "a peek": of(owned.peek(position(0n, 1)), byBucket),
    "the end of 5 schedules": of(owned.endSchedules(fence, 5), "outbox_event_scheduled_idx"),
    "the state of a batch of events": of(owned.headStates(rows().map(({ seq }) => seq)), byNumber),
    "the failed heads": of(owned.failedHeads(buckets), "outbox_event_failed_key_idx"),
    "a batch of completed events, deleted": of(deleting.recordCompleted(fence, rows()), byNumber),
    "a batch of completed events, kept": of(keeping.recordCompleted(fence, rows()), byNumber),
    "a batch of pending events": of(deleting.recordPending(fence, pending), byNumber),
    "500 failed events": of(deleting.recordFailed(fence, failed), byNumber),
    "a batch of events of buckets that are lost": of(
      deleting.recordCompleted({ ...fence, owner: "late" }, rows()),
      byNumber,
    ),
    "the start of an event": of(owned.recordStarted(fence, { id: "", seq: seqsFrom + 1_001n }, 1), byNumber),
    "a claim of a batch of leased events": of(
      deleting.claim({ token: randomUUID(), workerId: "leasing", leaseMs: 60_000, limit: batch }),
      "outbox_event_due_idx",
    ),
  };
}

async function pagesOfAll(): Promise<Record<string, number>> {
  const entries: [string, number][] = [];
  for (const [name, { statement }] of Object.entries(statements))
    entries.push([name, pagesOf(await planOf(database, statement))]);
  return Object.fromEntries(entries);
}

function findStatement(name: string): Statement {
  const found = statements[name];
  if (found === undefined) throw new Error(`there is no statement ${name}`);
  return found.statement;
}

async function expectShortPlans(planned: PlannedStatements): Promise<void> {
  for (const [name, { statement, index }] of Object.entries(planned)) {
    const plan = await planOf(database, statement);
    expectIndexed(plan, "outbox_event", index, name);
    // The index is a level or two higher, which a read pays once for each bucket, and the others for each event of a batch,
    // once or twice. A bucket alone takes more than 10,000 pages.
    const levels = index === byNumber ? 4 * batch : 100;
    const limit = (pagesOfFew[name] ?? 0) * 2 + levels;
    expect(pagesOf(plan), `${name}: ${pagesOfFew[name]} pages of few`).toBeLessThanOrEqual(limit);
  }
}

describe("with a million events the statements look at about as many pages as with ten thousand", () => {
  it("before the table was analyzed, or with what autovacuum knew of it meanwhile", () => expectShortPlans(statements));

  it("with fresh statistics", async () => {
    await database.prisma.$executeRawUnsafe(`ANALYZE ${database.schema}.outbox_event`);
    await expectShortPlans(statements);
  });

  it("and an outcome looks for missing events only if some were not written", async () => {
    const countOf = async (name: string) => scansOf(await planOf(database, findStatement(name)), "outbox_event").length;
    for (const name of [
      "a batch of completed events, deleted",
      "a batch of completed events, kept",
      "a batch of pending events",
    ]) {
      expect(await countOf(name), name).toBe(1);
    }
    expect(await countOf("a batch of events of buckets that are lost")).toBe(2);
  });

  it("and a read stops at the limit of all, in whatever order it is given the buckets", async () => {
    const plan = await planOf(database, findStatement("a read of one full bucket"));
    const read = nodesOf(plan).find((node) => node["Index Name"] === byBucket);
    expect(read?.["Actual Loops"]).toBe(1);
  });
});

it("statistics that know nothing pending and nothing scheduled do not make them longer", async () => {
  const stale = await openTestDatabase();
  try {
    const { prisma, schema } = stale;
    await prisma.$executeRawUnsafe(`ALTER TABLE ${schema}.outbox_event SET (autovacuum_enabled = false)`);
    await insertEvents(prisma, schema, 1, 100_000, {
      topic: "'done'",
      status: "'completed'",
      completed_at: "statement_timestamp()",
    });
    await prisma.$executeRawUnsafe(`ANALYZE ${schema}.outbox_event`);
    await fill(stale, 1, 100_000);
    await own(stale);
    await expectShortPlans(statementsOf(stale, 100_000n));
  } finally {
    await stale.close();
  }
});
