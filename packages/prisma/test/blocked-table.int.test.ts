import { randomUUID } from "node:crypto";
import { createPrismaModelOutboxRepository, createPrismaOutboxRepository } from "@omni-box/prisma";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { prismaDefaults } from "../src/defaults.js";
import type { PrismaClient } from "./generated/client.js";
import { openTestDatabase, type TestDatabase } from "./open-test-database.js";
import { refOf, sampleEvents } from "./sample-event.js";

/** A lock on the table or on rows that lasts longer than the statements' time-out. */
let database: TestDatabase;
let observer: PrismaClient;
let relay: PrismaClient;
beforeAll(async () => {
  database = await openTestDatabase();
  observer = database.connect();
  relay = database.connect({ connections: 10 });
});
afterAll(() => database.close());
beforeEach(() => database.empty());

const statementTimeoutMs = 100;
const leaseMs = 600_000;
const request = (limit = 100) => ({ token: randomUUID(), workerId: "w", leaseMs, limit });
const repository = () => createPrismaOutboxRepository(relay, { schema: database.schema, statementTimeoutMs });
const add = (count: number) =>
  observer.$transaction((tx) =>
    createPrismaOutboxRepository(observer, { schema: database.schema }).add(tx, sampleEvents(count)),
  );

/** The statements on the tables of this file that the server has not answered; with a wait event, only those that wait for it. */
async function runningStatements(waitEventType?: string): Promise<number> {
  const rows = await observer.$queryRawUnsafe<unknown[]>(
    `SELECT 1 AS one FROM pg_stat_activity
     WHERE state = 'active' AND pid <> pg_backend_pid() AND query LIKE $1 AND query NOT LIKE 'LOCK%'
       AND ($2::text IS NULL OR wait_event_type = $2::text)`,
    `%${database.schema}%outbox_event%`,
    waitEventType ?? null,
  );
  return rows.length;
}

/** Holds a lock on a connection of its own until `release` is called. */
async function hold(lockSql: string): Promise<{ release(): Promise<void> }> {
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  let held: Promise<unknown> = Promise.resolve();
  await new Promise<void>((resolve, reject) => {
    held = database.prisma.$transaction(
      async (tx) => {
        await tx.$queryRawUnsafe(lockSql);
        resolve();
        await ended;
      },
      { timeout: 30_000 },
    );
    held.catch(reject);
  });
  return {
    async release() {
      end();
      await held;
    },
  };
}

const lockTable = () => hold(`LOCK TABLE ${database.schema}.outbox_event IN EXCLUSIVE MODE`);
const lockRows = () => hold(`SELECT 1 AS one FROM ${database.schema}.outbox_event FOR UPDATE`);

/** Until the server has answered all, and what was claimed too late is free again. */
async function settled(): Promise<void> {
  await expect.poll(() => runningStatements(), { timeout: 5_000 }).toBe(0);
  await expect
    .poll(() => observer.outboxEvent.count({ where: { leaseToken: { not: null } } }), { timeout: 5_000 })
    .toBe(0);
}

describe("while another connection holds the table", () => {
  it("no more than a few statements wait, and transactions on the same pool go on working", async () => {
    await add(5);
    const lock = await lockTable();
    const store = repository();
    const messages: string[] = [];
    for (let turn = 0; turn < 12; turn += 1) {
      await store.claim(request()).then(
        () => messages.push("claimed"),
        (error: Error & { code: string }) => messages.push(error.message),
      );
    }
    expect(messages.filter((message) => message.startsWith("STORE.TIMEOUT"))).toHaveLength(12);
    expect(messages.filter((message) => message.includes("not sent"))).toHaveLength(9);
    expect(await runningStatements("Lock")).toBe(prismaDefaults.maxUnanswered);
    await relay.$transaction((tx) => tx.testOrder.create({ data: { customer: "Ada", totalCents: 1 } }));
    await lock.release();
    await settled();
  });

  it("nothing stays hidden after it: what was claimed too late can be claimed at once, with its attempts and starts", async () => {
    await add(6);
    await observer.outboxEvent.updateMany({ data: { attemptsMade: 2, startedAttempts: 3 } });
    const lock = await lockTable();
    const store = repository();
    const claims = [1, 2, 3].map(() => store.claim(request(2)));
    for (const claim of claims) await expect(claim).rejects.toMatchObject({ code: "STORE.TIMEOUT" });
    await expect.poll(() => runningStatements("Lock")).toBe(3);
    await lock.release();
    await settled();
    const claimed = await store.claim(request());
    expect(claimed).toHaveLength(6);
    for (const { attemptsMade, startedAttempts } of claimed) expect([attemptsMade, startedAttempts]).toEqual([2, 3]);
  });

  it("an outcome that comes through late counts", async () => {
    await add(1);
    const store = repository();
    const lease = request();
    const rows = (await store.claim(lease)).map(refOf);
    const lock = await lockTable();
    const recording = store.recordCompleted({ kind: "lease", token: lease.token }, rows);
    await expect(recording).rejects.toMatchObject({ code: "STORE.TIMEOUT" });
    await lock.release();
    await settled();
    expect(await observer.outboxEvent.count()).toBe(0);
  });
});

describe.each([
  ["SQL", () => repository()],
  ["the models", () => createPrismaModelOutboxRepository(relay, { statementTimeoutMs })],
])("a lock over %s that comes through late", (_name, createRepository) => {
  it("is given back", async () => {
    await add(1);
    const row = await observer.outboxEvent.findFirstOrThrow();
    const lock = await lockRows();
    const store = createRepository();
    await expect(store.lock(row.id, request())).rejects.toMatchObject({ code: "STORE.TIMEOUT" });
    await expect.poll(() => runningStatements("Lock")).toBe(1);
    await lock.release();
    await settled();
    expect(await store.lock(row.id, request())).toMatchObject({ id: row.id, attemptsMade: 0 });
  });
});
