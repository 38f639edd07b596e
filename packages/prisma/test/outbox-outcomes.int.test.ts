import { randomUUID } from "node:crypto";
import type { LeaseFence, OutboxEvent } from "@omni-box/core";
import { createPrismaOutboxRepository } from "@omni-box/prisma";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openTestDatabase, type TestDatabase } from "./open-test-database.js";
import { refOf, sampleEvents } from "./sample-event.js";
import { untilWaiting } from "./until-waiting.js";

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(() => database.empty());

function worker(options: { statementTimeoutMs?: number; onPublished?: "delete" | "keep" } = {}) {
  const repository = createPrismaOutboxRepository(database.connect({ connections: 2 }), {
    schema: database.schema,
    ...options,
  });
  return {
    repository,
    async take(limit: number): Promise<{ fence: LeaseFence; events: readonly OutboxEvent[] }> {
      const token = randomUUID();
      const events = await repository.claim({ token, workerId: "w", leaseMs: 60_000, limit });
      return { fence: { kind: "lease", token }, events };
    },
  };
}

async function add(count: number): Promise<void> {
  const { repository } = worker();
  await database.prisma.$transaction((tx) => repository.add(tx, sampleEvents(count)));
}

describe("outcomes", () => {
  it("write nothing under a lease that another worker took over, and report exactly those rows", async () => {
    await add(10);
    const slow = worker();
    const { fence, events } = await slow.take(10);
    await database.prisma.$executeRawUnsafe(
      `UPDATE ${database.schema}.outbox_event SET lease_until = statement_timestamp() - interval '1 second' WHERE seq <= $1`,
      events[3]?.seq,
    );
    const successor = await worker().take(10);
    expect(successor.events.map(({ id }) => id)).toEqual(events.slice(0, 4).map(({ id }) => id));

    const receipt = await slow.repository.recordCompleted(fence, events.map(refOf));
    expect(receipt.missing).toEqual(events.slice(0, 4).map(refOf));
    const left = await database.prisma.outboxEvent.findMany({ orderBy: { seq: "asc" } });
    expect(left.map(({ leaseToken }) => leaseToken)).toEqual(Array(4).fill(successor.fence.token));
  });

  it("check the token again after waiting for a transaction that took the row away", async () => {
    // The statement starts while the lease is still its own; only the row's newest version says that it is lost.
    await add(2);
    const slow = worker();
    const { fence, events } = await slow.take(2);
    const [first, second] = events as [OutboxEvent, OutboxEvent];
    const stolen = randomUUID();
    let recording: ReturnType<typeof slow.repository.recordFailed> | undefined;
    await database.prisma.$transaction(async (tx) => {
      await tx.$executeRawUnsafe(
        `UPDATE ${database.schema}.outbox_event SET lease_token = $1::uuid WHERE seq = $2`,
        stolen,
        first.seq,
      );
      recording = slow.repository.recordFailed(
        fence,
        events.map((event) => ({ ...refOf(event), attemptsMade: 1, error: "late" })),
      );
      await untilWaiting(database);
    });
    expect(await recording).toEqual({ missing: [refOf(first)] });
    expect(await slow.repository.findById(first.id)).toMatchObject({ status: "pending", lease: { token: stolen } });
    expect(await slow.repository.findById(second.id)).toMatchObject({ status: "failed" });
  });

  it("refuse all rows of a call that holds one bad value, and show none of them", async () => {
    await add(3);
    const { repository, take } = worker();
    const { fence, events } = await take(3);
    const rows = events.map((event, index) => ({
      ...refOf(event),
      attemptsMade: 1,
      error: index === 1 ? `secret ${"x".repeat(2_000)}` : "fine",
    }));
    const error: unknown = await repository.recordFailed(fence, rows).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: "STORE.DATA_ERROR",
      meta: { sqlState: "23514", constraint: "outbox_event_last_error_check" },
    });
    expect(JSON.stringify([String(error), error])).not.toContain("secret");
    expect(await database.prisma.outboxEvent.count({ where: { status: "pending" } })).toBe(3);
    // One by one, as the processor repeats them.
    for (const row of rows) await repository.recordFailed(fence, [row]).catch(() => undefined);
    expect(await database.prisma.outboxEvent.count({ where: { status: "failed" } })).toBe(2);
  });

  it("end with STORE.TIMEOUT while another transaction holds the row, and may still happen afterwards", async () => {
    await add(1);
    const { repository: patient, take } = worker();
    const { repository: impatient } = worker({ statementTimeoutMs: 150 });
    const { fence, events } = await take(1);
    await database.prisma.$transaction(async (tx) => {
      await tx.$queryRawUnsafe(`SELECT seq FROM ${database.schema}.outbox_event FOR UPDATE`);
      await expect(impatient.recordCompleted(fence, events.map(refOf))).rejects.toMatchObject({
        code: "STORE.TIMEOUT",
        message: expect.stringContaining("150 ms"),
      });
    });
    await expect.poll(() => database.prisma.outboxEvent.count()).toBe(0);
    // Repeating it until it is known is harmless, and says that the row is gone.
    expect(await patient.recordCompleted(fence, events.map(refOf))).toEqual({ missing: events.map(refOf) });
  });

  it("keep completed events on request, and clear everything that belongs to working on them", async () => {
    await add(1);
    const { repository, take } = worker({ onPublished: "keep" });
    const { fence, events } = await take(1);
    await database.prisma.$executeRawUnsafe(
      `UPDATE ${database.schema}.outbox_event SET started_attempts = 2, next_attempt_at = statement_timestamp()`,
    );
    await repository.recordCompleted(fence, events.map(refOf));
    expect(await repository.findById(events[0]?.id ?? "")).toMatchObject({
      status: "completed",
      completedAt: expect.any(Date),
      nextAttemptAt: null,
      startedAttempts: 0,
      lease: null,
    });
  });

  it("do not deadlock when the rows come in opposite orders", async () => {
    await add(300);
    const { repository, take } = worker();
    const { fence, events } = await take(300);
    const rows = events.map(refOf);
    const reversed = [...rows].reverse();
    for (let turn = 0; turn < 15; turn += 1) {
      await Promise.all([repository.extendLease(fence, rows, 60_000), repository.extendLease(fence, reversed, 60_000)]);
    }
    await Promise.all([repository.extendLease(fence, reversed, 60_000), repository.recordCompleted(fence, rows)]);
    expect(await database.prisma.outboxEvent.count()).toBe(0);
  });
});

describe("forceUnlock", () => {
  it("stores a reason that the database could not take as it is", async () => {
    await add(1);
    const { repository, take } = worker();
    const { events } = await take(1);
    const unlocked = await repository.forceUnlock(events[0]?.id ?? "", `worker is gone\0${"x".repeat(5_000)}`);
    expect(unlocked?.lastError).toMatch(/^worker is gone x+… \(truncated\)$/);
    expect(unlocked?.lease).toBeNull();
  });
});
