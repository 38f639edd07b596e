import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AdministrationDialect } from "../src/administration-dialect.js";
import { createPostgresqlAdministrationDialect } from "../src/postgresql/administration/create-administration-dialect.js";
import { readInboxRow, readOutboxRow } from "../src/postgresql/event-columns.js";
import { inboxTable, outboxTable } from "../src/postgresql/event-table.js";
import { qualifyTable } from "../src/postgresql/qualify-table.js";
import type { Statement } from "../src/statement.js";
import { openTestDatabase, type TestDatabase } from "./open-test-database.js";

/** What people and maintenance ask of large tables: a backlog, most of it behind one failed event, and much that is completed. */
const [pending, behindOne, failed, completed] = [200_000, 100_000, 500, 100_000];
const kinds = ["outbox", "inbox"] as const;

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
  for (const kind of kinds) await fill(kind);
}, 240_000);
afterAll(() => database.close());

async function fill(kind: "outbox" | "inbox"): Promise<void> {
  const { prisma, schema } = database;
  const [own, values] =
    kind === "outbox"
      ? ["aggregate_type, aggregate_id", "'order', n::text"]
      : ["message_id, consumer_group, source", "'message ' || n, 'group ' || n % 2, 'orders'"];
  const insert = (from: number, count: number, key: string, columns: string, of: string) =>
    prisma.$executeRawUnsafe(
      `INSERT INTO ${schema}.${kind}_event (id, event_type, schema_version, topic, partition_key, bucket, payload, max_attempts,
         ${own}, ${columns})
       SELECT gen_random_uuid(), 'order.placed', '1', 'orders', ${key}, 7 * (${key} = 'hot')::integer + n % 10000 % 64 * (${key} <> 'hot')::integer,
              '{"text": "some"}', 10, ${values}, ${of}
       FROM generate_series($1::integer, $2::integer) AS n`,
      from,
      from + count - 1,
    );
  await insert(
    1,
    completed,
    "'key ' || n % 10000",
    "status, completed_at",
    "'completed', statement_timestamp() - n % 1000 * interval '1 hour'",
  );
  const failure = "status, attempts_made, last_error, failed_at";
  const failedWith = "'failed', 1, 'no queue wants it', statement_timestamp() - interval '1 hour'";
  await insert(1_000_001, 2, "'hot'", failure, failedWith);
  await insert(1_000_003, failed, "'key ' || n % 10000", failure, failedWith);
  await insert(2_000_001, behindOne, "'hot'", "status", "'pending'");
  await insert(3_000_001, pending, "'key ' || n % 10000", "status", "'pending'");
}

function dialectOf(kind: "outbox" | "inbox"): AdministrationDialect<never> {
  const { schema } = database;
  const tables = { bucket: qualifyTable(schema, `${kind}_bucket`), worker: qualifyTable(schema, `${kind}_worker`) };
  const dialect =
    kind === "outbox"
      ? createPostgresqlAdministrationDialect({ ...tables, table: outboxTable(schema), readEvent: readOutboxRow })
      : createPostgresqlAdministrationDialect({ ...tables, table: inboxTable(schema), readEvent: readInboxRow });
  return dialect as unknown as AdministrationDialect<never>;
}

interface PlannedStatement {
  readonly statement: Statement;
  /** Rows of the table that it may look at. */
  readonly rows: number;
}

function statementsOf(kind: "outbox" | "inbox"): Readonly<Record<string, PlannedStatement>> {
  const dialect = dialectOf(kind);
  const filter = { types: ["order.placed"], errorContains: "QUEUE" };
  // There are few, so they may all be looked at, by each part of a statement.
  const allFailed = 4 * (failed + 2);
  return {
    "a page of failed events": {
      statement: dialect.list({ filter: { statuses: ["failed"] }, limit: 100 }),
      rows: allFailed,
    },
    "a page of the newest events": { statement: dialect.list({ filter: {}, limit: 100, order: "newest" }), rows: 200 },
    "a requeue by a filter": { statement: dialect.change("requeue", { filter, limit: 100 }), rows: allFailed },
    "a requeue that matches nothing": {
      statement: dialect.change("requeue", { filter: { ...filter, topics: ["none"] }, limit: 100 }),
      rows: allFailed,
    },
    "a dry run of a skip": { statement: dialect.change("skip", { filter, limit: 100, dryRun: true }), rows: allFailed },
    "the blocked keys": { statement: dialect.blockedKeys(100, undefined), rows: 64 * 10_000 + 10_000 },
    "all blocked keys": { statement: dialect.blockedKeys(1_000, undefined), rows: 64 * 10_000 + 10_000 },
    "the statistics": { statement: dialect.statistics(10_000, undefined), rows: 60_000 },
    "a removal of completed events": {
      statement: dialect.removeOld({ status: "completed", olderThanMs: 3_600_000, limit: 1_000 }),
      rows: 3_000,
    },
    "a removal of failed events, none of which is old": {
      statement: dialect.removeOld({ status: "failed", olderThanMs: 86_400_000, limit: 1_000 }),
      rows: allFailed,
    },
    "a look for expired leases": { statement: dialect.releaseExpiredLeases(1_000), rows: 2 * 100_000 + 1_000 },
    "a look for dead letters": { statement: dialect.takeDeadLetters({ limit: 100, leaseMs: 1_000 }), rows: allFailed },
  };
}

interface PlanNode {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Actual Rows": number;
  readonly "Actual Loops": number;
  readonly "Rows Removed by Filter"?: number;
  readonly "Rows Removed by Join Filter"?: number;
  readonly Plans?: readonly PlanNode[];
}

/** Runs a statement, undoes it, and returns its plan. */
async function planOf({ sql, values }: Statement): Promise<PlanNode> {
  let plan: PlanNode | undefined;
  const undone = new Error("undone on purpose");
  await database.prisma
    .$transaction(
      async (tx) => {
        const [answer] = await tx.$queryRawUnsafe<{ "QUERY PLAN": { Plan: PlanNode }[] }[]>(
          `EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF, FORMAT JSON) ${sql}`,
          ...values,
        );
        plan = answer?.["QUERY PLAN"][0]?.Plan;
        throw undone;
      },
      { timeout: 60_000 },
    )
    .catch((error: unknown) => {
      if (error !== undone) throw error;
    });
  if (plan === undefined) throw new Error("the database returned no plan");
  return plan;
}

const nodes = (plan: PlanNode): PlanNode[] => [plan, ...(plan.Plans ?? []).flatMap(nodes)];

async function expectBoundedPlans(kind: "outbox" | "inbox"): Promise<void> {
  for (const [name, { statement, rows }] of Object.entries(statementsOf(kind))) {
    const plan = await planOf(statement);
    const scans = nodes(plan).filter(
      (node) => node["Relation Name"] === `${kind}_event` && /Scan/.test(node["Node Type"]) && node["Actual Loops"] > 0,
    );
    expect(
      scans.filter((node) => node["Node Type"] === "Seq Scan"),
      name,
    ).toEqual([]);
    // What was just read has no statistics: compared with each of 500 heads in turn, 300,000 events took minutes.
    const compared = nodes(plan).map((node) => node["Rows Removed by Join Filter"] ?? 0);
    expect(Math.max(...compared), name).toBeLessThanOrEqual((failed + 2) ** 2);
    const looked = scans.reduce(
      (sum, node) => sum + (node["Actual Rows"] + (node["Rows Removed by Filter"] ?? 0)) * node["Actual Loops"],
      0,
    );
    expect(looked, name).toBeLessThanOrEqual(rows);
  }
}

describe.each(kinds)(
  "with a large %s, no statement of its administration looks at more than a bounded number of rows",
  (kind) => {
    it(
      "before the table was analyzed, or with what autovacuum knew of it meanwhile",
      () => expectBoundedPlans(kind),
      120_000,
    );

    it("with fresh statistics", async () => {
      await database.prisma.$executeRawUnsafe(`ANALYZE ${database.schema}.${kind}_event`);
      await expectBoundedPlans(kind);
    }, 120_000);
  },
);

it("tells which key stands still, and how many wait as far as it looks", async () => {
  const { statement } = statementsOf("outbox")["all blocked keys"] ?? {};
  if (statement === undefined) throw new Error("there is such a statement");
  const rows = await database.prisma.$queryRawUnsafe<{ partition_key: string; waiting: number }[]>(
    statement.sql,
    ...statement.values,
  );
  expect(rows).toHaveLength(failed + 1);
  expect(rows[0]).toMatchObject({ partition_key: "hot", waiting: 10_000 });
});
