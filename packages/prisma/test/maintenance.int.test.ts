import { createMaintenance, type DistributedLock, type MaintenanceOptions, silentLogger } from "@omni-box/core";
import { createPrismaInboxAdministration, createPrismaOutboxAdministration } from "@omni-box/prisma";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openTestDatabase, type TestDatabase } from "./open-test-database.js";

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(() => database.empty());

const run = (sql: string, ...values: unknown[]) =>
  database.prisma.$executeRawUnsafe(sql.replaceAll("$schema", database.schema), ...values);

interface Row {
  readonly partition_key: string;
  readonly status: string;
}

const rowsOf = (table: "outbox_event" | "inbox_event") =>
  database.prisma.$queryRawUnsafe<Row[]>(`SELECT partition_key, status FROM ${database.schema}.${table} ORDER BY seq`);

/** Puts `count` events of one status into the outbox, which they came to so many hours ago. */
const storeOutbox = (status: "completed" | "failed", hoursAgo: number, count: number, error: string | null = null) =>
  run(
    `INSERT INTO $schema.outbox_event (id, event_type, schema_version, topic, aggregate_type, aggregate_id, partition_key, bucket, payload,
       max_attempts, status, completed_at, failed_at, last_error, created_at)
     SELECT gen_random_uuid(), 'order.placed', '1', 'orders', 'order', i::text, $1 || ' ' || $2, 0, '{}', 10, $1,
            CASE WHEN $1 = 'completed' THEN time.past END, CASE WHEN $1 = 'failed' THEN time.past END, $3, time.past
     FROM generate_series(1, $4::integer) AS i, (SELECT statement_timestamp() - $2::integer * interval '1 hour' AS past) AS time`,
    status,
    hoursAgo,
    error,
    count,
  );

const storeInbox = (hoursAgo: number, count: number) =>
  run(
    `INSERT INTO $schema.inbox_event (id, message_id, consumer_group, source, event_type, schema_version, topic, partition_key, bucket,
       payload, max_attempts, status, completed_at)
     SELECT gen_random_uuid(), gen_random_uuid()::text, 'shipping', 'queue', 'order.placed', '1', 'orders', 'old ' || $1, 0, '{}', 10,
            'completed', statement_timestamp() - $1::integer * interval '1 hour'
     FROM generate_series(1, $2::integer)`,
    hoursAgo,
    count,
  );

/** Half of what is pending has been leased by somebody who died. */
const storeExpiredLeases = (count: number) =>
  run(
    `INSERT INTO $schema.outbox_event (id, event_type, schema_version, topic, aggregate_type, aggregate_id, partition_key, bucket, payload,
       max_attempts, lease_token, lease_until, locked_by)
     SELECT gen_random_uuid(), 'order.placed', '1', 'orders', 'order', i::text, 'leased', 0, '{}', 10, gen_random_uuid(),
            statement_timestamp() + CASE WHEN i % 2 = 0 THEN interval '1 hour' ELSE interval '-1 second' END, 'w'
     FROM generate_series(1, $1::integer) AS i`,
    count,
  );

/** Says yes to everybody. */
const lyingLock: DistributedLock = {
  async acquire(key) {
    const release = async () => undefined;
    const { signal } = new AbortController();
    return { key, fencingNumber: 1, signal, release, [Symbol.asyncDispose]: release };
  },
  withLock: () => Promise.reject(new Error("is not asked for")),
};

/** An instance with connections of its own. */
function createInstance(options: Partial<MaintenanceOptions> = {}) {
  const client = database.connect({ connections: 2 });
  const { schema } = database;
  return createMaintenance({
    outbox: {
      administration: createPrismaOutboxAdministration(client, { schema }),
      keepFailedDays: 30,
      requeue: [{ codes: ["BROKER.UNROUTABLE"], afterMs: 3_600_000 }],
    },
    inbox: { administration: createPrismaInboxAdministration(client, { schema }) },
    batchPauseMs: 0,
    logger: silentLogger,
    ...options,
  });
}

describe("maintenance of PostgreSQL", () => {
  it("removes what is old, keeps what is not, releases stale leases, requeues by rule, and counts what is there", async () => {
    await storeOutbox("completed", 25, 30);
    await storeOutbox("completed", 23, 2);
    await storeOutbox("failed", 31 * 24, 3, "BROKER.NACKED: no");
    await storeOutbox("failed", 2, 4, "BROKER.UNROUTABLE: no queue");
    await storeOutbox("failed", 0, 1, "BROKER.UNROUTABLE: no queue");
    await storeOutbox("failed", 2, 1, "BROKER.NACKED: no");
    await storeExpiredLeases(10);
    await storeInbox(8 * 24, 5);
    await storeInbox(6 * 24, 6);
    const report = await createInstance({ batchSize: 7 }).runOnce();
    expect(report).toMatchObject({
      isComplete: true,
      failures: [],
      outbox: {
        removedCompleted: 30,
        removedFailed: 3,
        releasedLeases: 5,
        requeued: 4,
        statistics: { completed: 32, failed: 9, pending: 10, expiredLeases: 5 },
      },
      inbox: { removedCompleted: 5, removedFailed: 0, statistics: { completed: 11 } },
    });
    expect((await rowsOf("outbox_event")).map((row) => `${row.partition_key}: ${row.status}`).sort()).toEqual([
      "completed 23: completed",
      "completed 23: completed",
      "failed 0: failed",
      "failed 2: failed",
      ...new Array(4).fill("failed 2: pending"),
      ...new Array(10).fill("leased: pending"),
    ]);
    expect(await rowsOf("inbox_event")).toHaveLength(6);
  });

  it("is done by several instances at once without harm, when the lock lies to all of them", async () => {
    await storeOutbox("completed", 25, 3_000);
    await storeOutbox("completed", 1, 100);
    await storeOutbox("failed", 2, 300, "BROKER.UNROUTABLE: no queue");
    await storeExpiredLeases(600);
    await storeInbox(8 * 24, 2_000);
    const instances = Array.from({ length: 3 }, () =>
      createInstance({ lock: lyingLock, lockKey: "shop", batchSize: 50 }),
    );
    const reports = await Promise.all(instances.map((instance) => instance.runOnce()));
    expect(reports.flatMap((report) => report?.failures)).toEqual([]);
    // What one had locked was left to it by the others, who may have ended before: what is left then is the next run's.
    const again = await instances[0]?.runOnce();
    const sum = (count: (report: (typeof reports)[number]) => number | undefined) =>
      [...reports, again ?? null].reduce((total, report) => total + (count(report) ?? 0), 0);
    expect(sum((report) => report?.outbox?.removedCompleted)).toBe(3_000);
    expect(sum((report) => report?.outbox?.releasedLeases)).toBe(300);
    expect(sum((report) => report?.outbox?.requeued)).toBe(300);
    expect(sum((report) => report?.inbox?.removedCompleted)).toBe(2_000);
    expect(reports.filter((report) => (report?.outbox?.removedCompleted ?? 0) > 0).length).toBeGreaterThan(1);
    expect(await rowsOf("inbox_event")).toEqual([]);
    const left = await rowsOf("outbox_event");
    expect(left.filter(({ status }) => status === "completed")).toHaveLength(100);
    expect(left.filter(({ status }) => status === "pending")).toHaveLength(900);
    expect(left).toHaveLength(1_000);
  });

  it("waits for no row that somebody else has locked", async () => {
    await storeOutbox("completed", 25, 10);
    const other = database.connect({ connections: 1 });
    await other.$transaction(async (tx) => {
      await tx.$executeRawUnsafe(`SELECT 1 FROM ${database.schema}.outbox_event LIMIT 3 FOR UPDATE`);
      expect(await createInstance().runOnce()).toMatchObject({ isComplete: true, outbox: { removedCompleted: 7 } });
    });
    expect(await createInstance().runOnce()).toMatchObject({ outbox: { removedCompleted: 3 } });
  });

  it("says what could not be done, and does the rest", async () => {
    await storeOutbox("completed", 25, 10);
    await storeExpiredLeases(2);
    await run("ALTER TABLE $schema.inbox_event RENAME TO elsewhere");
    try {
      const report = await createInstance().runOnce();
      expect(report).toMatchObject({ isComplete: false, outbox: { removedCompleted: 10, releasedLeases: 1 } });
      expect(report?.failures.map(({ task, code }) => `${task}: ${code}`)).toEqual([
        "inbox: statistics: STORE.SCHEMA_MISSING",
        "inbox: expired leases: STORE.SCHEMA_MISSING",
        "inbox: old completed events: STORE.SCHEMA_MISSING",
      ]);
    } finally {
      await run("ALTER TABLE $schema.elsewhere RENAME TO inbox_event");
    }
  });
});
