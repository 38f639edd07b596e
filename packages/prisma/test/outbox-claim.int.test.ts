import { randomUUID } from "node:crypto";
import type { ClaimRequest, OutboxEvent } from "@omni-box/core";
import { createPrismaOutboxRepository } from "@omni-box/prisma";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createPostgresqlOutboxDialect } from "../src/postgresql/create-outbox-dialect.js";
import type { Statement } from "../src/statement.js";
import { openTestDatabase, type TestDatabase } from "./open-test-database.js";
import { refOf, sampleEvents } from "./sample-event.js";

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(() => database.empty());

function worker(logQueries?: (sql: string) => void) {
  const client = database.connect({ connections: 1, ...(logQueries && { logQueries }) });
  return createPrismaOutboxRepository(client, { schema: database.schema });
}

const request = (fields: Partial<ClaimRequest> = {}): ClaimRequest => ({
  token: randomUUID(),
  workerId: "worker",
  leaseMs: 60_000,
  limit: 100,
  ...fields,
});

async function add(count: number): Promise<void> {
  const repository = createPrismaOutboxRepository(database.prisma, { schema: database.schema });
  await database.prisma.$transaction((tx) => repository.add(tx, sampleEvents(count)));
}

describe("claim", () => {
  it("takes one statement, and so does each outcome", async () => {
    const statements: string[] = [];
    const repository = worker((sql) => statements.push(sql));
    await add(40);
    const one = async <Result>(call: () => Promise<Result>): Promise<Result> => {
      statements.length = 0;
      const result = await call();
      expect(statements).toHaveLength(1);
      return result;
    };
    const { token } = request();
    const fence = { kind: "lease", token } as const;
    const events = await one(() => repository.claim(request({ token })));
    const rows = events.map(refOf);
    const [a, b, c] = [rows.slice(0, 10), rows.slice(10, 20), rows.slice(20)];
    await one(() => repository.extendLease(fence, rows, 60_000));
    await one(() => repository.recordCompleted(fence, a));
    await one(() =>
      repository.recordPending(
        fence,
        b.map((row) => ({ ...row, attemptsMade: 1, startedAttempts: 0, delayMs: 1_000, error: "x" })),
      ),
    );
    await one(() =>
      repository.recordFailed(
        fence,
        c.map((row) => ({ ...row, attemptsMade: 1, error: "x" })),
      ),
    );
    await one(() => repository.findDue({ limit: 10 }));
    await one(() => repository.findById(events[0]?.id ?? ""));
  });

  it("never shares an event between parallel workers, never exceeds the limit, and misses none", async () => {
    await add(2_000);
    const workers = Array.from({ length: 6 }, () => worker());
    const drain = async (repository: ReturnType<typeof worker>): Promise<OutboxEvent[][]> => {
      const batches: OutboxEvent[][] = [];
      for (let turn = 0; turn < 60; turn += 1) batches.push([...(await repository.claim(request({ limit: 37 })))]);
      return batches;
    };
    const batches = (await Promise.all(workers.map(drain))).flat();
    expect(Math.max(...batches.map((batch) => batch.length))).toBeLessThanOrEqual(37);
    const ids = batches.flat().map(({ id }) => id);
    expect(ids).toHaveLength(2_000);
    expect(new Set(ids).size).toBe(2_000);
  });

  it("skips rows that another transaction has locked instead of waiting for it", async () => {
    await add(3);
    const [first] = await database.prisma.outboxEvent.findMany({ orderBy: { seq: "asc" } });
    const repository = worker();
    await database.prisma.$transaction(async (tx) => {
      await tx.$queryRawUnsafe(
        `SELECT seq FROM ${database.schema}.outbox_event WHERE id = $1::uuid FOR UPDATE`,
        first?.id,
      );
      expect((await repository.claim(request())).map(({ id }) => id)).not.toContain(first?.id);
    });
  });

  it("lets a retry that is due take its turn before newer events", async () => {
    await add(1);
    const repository = worker();
    const { token } = request();
    const [event] = await repository.claim(request({ token }));
    if (event === undefined) throw new Error("nothing was claimed");
    await repository.recordPending({ kind: "lease", token }, [
      { ...refOf(event), attemptsMade: 1, startedAttempts: 0, delayMs: 60_000, error: "refused" },
    ]);
    await database.advanceTime(120_000);
    await add(10);
    const [next] = await repository.claim(request({ limit: 1 }));
    expect(next?.id).toBe(event.id);
  });

  it("measures the lease on the database's clock, whatever this machine's says", async () => {
    await add(1);
    await worker().claim(request({ leaseMs: 90_000 }));
    const [row] = await database.prisma.$queryRawUnsafe<{ seconds: number }[]>(
      `SELECT extract(epoch FROM lease_until - statement_timestamp())::float8 AS seconds FROM ${database.schema}.outbox_event`,
    );
    expect(row?.seconds).toBeGreaterThan(85);
    expect(row?.seconds).toBeLessThanOrEqual(90.001);
  });
});

describe("the plans of claim and outcomes", () => {
  const rows = 100_000;

  it("read only what they return with 100,000 events and fresh statistics", async () => {
    const { fill, analyze, expectShortPlans } = plansOf(database);
    await fill("pending", rows);
    await analyze();
    await expectShortPlans();
  });

  it("read only what they return before the table was ever analyzed", async () => {
    // Two sizes: of few rows, reading and sorting all looks cheap to the planner.
    for (const count of [10_000, rows]) {
      const fresh = await openTestDatabase();
      try {
        const { fill, expectShortClaim, expectShortPlans } = plansOf(fresh);
        await fill("pending", count);
        await (count === rows ? expectShortPlans() : expectShortClaim());
      } finally {
        await fresh.close();
      }
    }
  });

  it("read only what they return when statistics say that nothing is pending", async () => {
    const { fill, analyze, expectShortPlans } = plansOf(database);
    await fill("completed", rows);
    await analyze();
    await fill("pending", rows);
    await expectShortPlans();
  });

  it("look at none of 100,000 events that are scheduled for later", async () => {
    const { fill, analyze, explain, dialect } = plansOf(database);
    await fill("pending", rows);
    await database.prisma.$executeRawUnsafe(
      `UPDATE ${database.schema}.outbox_event SET scheduled_at = statement_timestamp() + interval '1 day'`,
    );
    await analyze();
    await add(10);
    const plan = await explain(dialect.claim(request({ limit: 500 })));
    expect(plan).toMatch(/Index Scan using outbox_event_due_idx/);
    expect(rowsRead(plan), plan).toBeLessThanOrEqual(50);
  });
});

function plansOf({ prisma, schema }: TestDatabase) {
  const dialect = createPostgresqlOutboxDialect({ schema, onPublished: "delete" });

  /** Runs the statement and returns its plan, with the rows that each part really read. */
  async function explain({ sql, values }: Statement): Promise<string> {
    const lines = await prisma.$queryRawUnsafe<{ "QUERY PLAN": string }[]>(
      `EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF) ${sql}`,
      ...values,
    );
    return lines.map((line) => line["QUERY PLAN"]).join("\n");
  }

  async function fill(status: "pending" | "completed", count: number): Promise<void> {
    await prisma.$executeRawUnsafe(
      `INSERT INTO ${schema}.outbox_event (id, event_type, schema_version, topic, aggregate_type, aggregate_id,
         partition_key, bucket, payload, max_attempts, status, completed_at)
       SELECT gen_random_uuid(), 'order.placed', '1', 'orders', 'order', n::text, n::text, n % 64,
              jsonb_build_object('text', repeat('x', 400)), 10, $1,
              CASE WHEN $1 = 'completed' THEN statement_timestamp() END
       FROM generate_series(1, $2::integer) AS n`,
      status,
      count,
    );
  }

  async function expectShortClaim(): Promise<void> {
    const plan = await explain(dialect.claim(request({ limit: 500 })));
    expect(plan).toMatch(/Index Scan using outbox_event_due_idx/);
    expect(rowsRead(plan), plan).toBeLessThanOrEqual(2_500);
    // PostgreSQL compiles plans that it thinks dearer than 100,000, a hundred times more rows than here must stay below.
    expect(Number(/cost=[\d.]+\.\.([\d.]+)/.exec(plan)?.[1]), plan).toBeLessThan(1_000);
  }

  async function expectShortPlans(): Promise<void> {
    await expectShortClaim();
    const { token } = request();
    const { sql, values } = dialect.claim(request({ token, limit: 500 }));
    const claimed = (await prisma.$queryRawUnsafe<Record<string, unknown>[]>(sql, ...values)).map(dialect.readEvent);
    expect(claimed).toHaveLength(500);
    const fence = { kind: "lease", token } as const;
    const refs = claimed.map(refOf);
    const third = (index: number) => refs.slice(index * 150, (index + 1) * 150);
    const { id } = claimed[0] as OutboxEvent;
    for (const statement of [
      dialect.extendLease(fence, refs, 60_000),
      dialect.recordPending(
        fence,
        third(0).map((row) => ({ ...row, attemptsMade: 1, startedAttempts: 0, delayMs: 60_000, error: "x" })),
      ),
      dialect.recordFailed(
        fence,
        third(1).map((row) => ({ ...row, attemptsMade: 1, error: "x" })),
      ),
      dialect.recordCompleted(fence, third(2)),
      dialect.findDue({ limit: 500 }),
      dialect.lock(id, request()),
      dialect.forceUnlock(id, "why"),
      dialect.findById(id),
    ]) {
      const plan = await explain(statement);
      expect(plan).not.toMatch(/Seq Scan on outbox_event/);
      expect(rowsRead(plan), plan).toBeLessThanOrEqual(2_500);
    }
  }

  const analyze = () => prisma.$executeRawUnsafe(`ANALYZE ${schema}.outbox_event`);
  return { dialect, explain, fill, analyze, expectShortClaim, expectShortPlans };
}

/** The rows that the scans of a plan returned or threw away. */
function rowsRead(plan: string): number {
  const scans = plan.split("\n").filter((line) => / Scan /.test(line) && !/CTE Scan|Function Scan/.test(line));
  const read = scans.map((line) => Number(/actual rows=([\d.]+)/.exec(line)?.[1] ?? 0));
  const removed = [...plan.matchAll(/Rows Removed by Filter: (\d+)/g)].map(([, count]) => Number(count));
  return [...read, ...removed].reduce((sum, count) => sum + count, 0);
}
