import {
  type AddedEvent,
  type Clock,
  type DueQuery,
  type EventRef,
  expecting,
  type FailedRow,
  type Fence,
  isOmniBoxError,
  type LeaseFence,
  type LeaseRequest,
  OmniBoxError,
  type OutboxEvent,
  type OutboxEventDraft,
  type OutboxEventRepository,
  type OutcomeReceipt,
  objectWith,
  type PendingRow,
  partitionHashVersion,
  sanitizeFailureMessage,
  systemClock,
  validateOptions,
} from "@omni-box/core";
import { z } from "zod";
import { prismaDefaults } from "./defaults.js";
import { mapPrismaErrorInTransaction } from "./map-prisma-error.js";
import { dueWhere, notLeased } from "./model/due-where.js";
import { insertDrafts } from "./model/insert-drafts.js";
import { readEventRecord } from "./model/read-event-record.js";
import { noteAddedEvents } from "./note-added-events.js";
import { isPrismaTransaction } from "./prisma-client-like.js";
import type {
  OutboxEventRecord,
  PrismaModelClientLike,
  PrismaModelTransactionLike,
} from "./prisma-model-client-like.js";
import { type PrismaOutboxOptions, prismaOutboxOptions } from "./prisma-outbox-options.js";
import { createStatementRunner, type StatementOptions } from "./run-statement.js";
import { describeSettingMismatch } from "./store-not-ready.js";

/** Options of {@link createPrismaModelOutboxRepository}. */
export interface PrismaModelOutboxRepositoryOptions extends PrismaOutboxOptions {
  /** The clock that due times and leases are compared with; default: this machine's. */
  readonly clock?: Clock | undefined;
  /** Default `true`. Set it to `false` for SQLite and SQL Server, for which Prisma has no `skipDuplicates`. */
  readonly skipDuplicates?: boolean | undefined;
}

const argumentsSchema = z.strictObject({
  client: expecting<PrismaModelClientLike>(
    "a Prisma client with the models of omni-box.prisma (copy the file beside your schema and run prisma generate)",
    hasModels,
  ),
  options: prismaOutboxOptions.extend({
    clock: objectWith<Clock>("a clock", "now", "monotonicMs", "schedule").default(systemClock),
    skipDuplicates: z.boolean().default(true),
  }),
});

const released = { leaseToken: null, leaseUntil: null, lockedBy: null };

/**
 * Creates an outbox repository that uses the generated models and no SQL of its own, for any database that Prisma supports.
 *
 * It takes and records events one by one, so a relay over it needs the `optimistic` fetch strategy and `singleCommit`. Due
 * times and leases are compared on this machine's clock: machines whose clocks differ by more than the lease take events
 * from one another, which publishes them twice and loses none. On PostgreSQL prefer `createPrismaOutboxRepository`.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function createPrismaModelOutboxRepository(
  client: PrismaModelClientLike,
  options: PrismaModelOutboxRepositoryOptions = {},
): OutboxEventRepository<PrismaModelTransactionLike, PrismaModelClientLike> {
  const checked = validateOptions("createPrismaModelOutboxRepository", argumentsSchema, { client, options }).options;
  const { onPublished, bucketCount, statementTimeoutMs, clock, skipDuplicates } = checked;
  const setting = { bucketCount, hashVersion: partitionHashVersion };
  const { outboxEvent, outboxSetting } = client;

  const { maxUnanswered, unansweredForMs } = prismaDefaults;
  const { run } = createStatementRunner({ timeoutMs: statementTimeoutMs, maxUnanswered, unansweredForMs });
  const inMs = (ms: number) => new Date(clock.now() + ms);

  async function readFirst(where: object, options?: StatementOptions<unknown>): Promise<OutboxEvent | null> {
    const record = await run("read an event", () => outboxEvent.findFirst({ where }), options);
    return record === null ? null : readEventRecord(record as OutboxEventRecord);
  }

  /** Changes one row if the condition holds, and says whether it did. */
  async function change(
    purpose: string,
    where: object,
    data: object,
    options?: StatementOptions<unknown>,
  ): Promise<boolean> {
    const { count } = await run(purpose, () => outboxEvent.updateMany({ where, data }), options);
    return count === 1;
  }

  async function eachOf<Row extends EventRef>(
    rows: readonly Row[],
    write: (row: Row) => Promise<boolean>,
  ): Promise<OutcomeReceipt> {
    const missing: EventRef[] = [];
    for (const row of rows) if (!(await write(row))) missing.push({ id: row.id, seq: row.seq });
    return { missing };
  }

  /** An outcome of many rows would have to be atomic, which single updates are not. */
  async function record<Row extends EventRef>(
    rows: readonly Row[],
    write: (row: Row) => Promise<boolean>,
  ): Promise<OutcomeReceipt> {
    if (rows.length > 1) throw unsupported("record outcomes of many events at once: use singleCommit");
    return eachOf(rows, write);
  }

  /** Writes an outcome that carries attempts. Prisma cannot write the lesser of two values, so a row at its limit takes longer. */
  async function recordAttempts(
    fence: Fence,
    row: EventRef & { attemptsMade: number },
    data: object,
  ): Promise<boolean> {
    const held = heldBy(fence, row);
    const { attemptsMade } = row;
    const purpose = "record an outcome";
    if (await change(purpose, { ...held, maxAttempts: { gte: attemptsMade } }, { ...data, attemptsMade })) return true;
    const stored = await readFirst(held);
    if (stored === null || stored.maxAttempts >= attemptsMade) return false;
    return change(purpose, held, { ...data, attemptsMade: stored.maxAttempts });
  }

  async function lock(id: string, { token, workerId, leaseMs }: LeaseRequest): Promise<OutboxEvent | null> {
    const where = { id, status: "pending", ...notLeased(new Date(clock.now())) };
    const data = { leaseToken: token, leaseUntil: inMs(leaseMs), lockedBy: workerId };
    const held = { id, leaseToken: token, status: "pending" };
    // The caller has given up by then, and nobody else knows the token: the row would be hidden for a lease.
    const onLateAnswer = () => change("give a late event back", held, released, { evenIfFull: true });
    if (!(await change("lock an event", where, data, { onLateAnswer }))) return null;
    return readFirst(held, { onLateAnswer, evenIfFull: true });
  }

  async function complete(fence: Fence, row: EventRef): Promise<boolean> {
    const where = heldBy(fence, row);
    if (onPublished === "keep") {
      const data = { status: "completed", completedAt: inMs(0), nextAttemptAt: null, startedAttempts: 0, ...released };
      return change("record a completed event", where, data);
    }
    const { count } = await run("record a completed event", () => outboxEvent.deleteMany({ where }));
    return count === 1;
  }

  return Object.freeze({
    capabilities: Object.freeze({ leasedClaim: false, bulkOutcomes: false, keyHeads: false, ownedBuckets: false }),
    isTransaction: (given: unknown) => isPrismaTransaction(given, "outboxEvent"),

    async add(
      tx: PrismaModelTransactionLike | PrismaModelClientLike,
      drafts: readonly OutboxEventDraft[],
    ): Promise<readonly AddedEvent[]> {
      if (drafts.length === 0) return [];
      try {
        const added = await insertDrafts(tx, drafts, { setting, skipDuplicates });
        if (added.some(({ duplicate }) => !duplicate)) noteAddedEvents(tx);
        return added;
      } catch (error) {
        throw mapPrismaErrorInTransaction(error, "add events");
      }
    },

    async verify(): Promise<readonly string[]> {
      try {
        await run("check the store", () => outboxEvent.findFirst({ select: { seq: true } }));
        const recorded = await run("check the store", () => outboxSetting.findFirst({ where: { id: 1 } }));
        const problem = describeSettingMismatch(setting, recorded ?? undefined);
        return problem === null ? [] : [problem];
      } catch (error) {
        if (isOmniBoxError(error, "STORE.SCHEMA_MISSING") || isOmniBoxError(error, "STORE.ACCESS_DENIED")) {
          return [error.message];
        }
        throw error;
      }
    },

    findById: (id: string) => readFirst({ id }),
    async findDue({ limit, filters }: DueQuery): Promise<readonly OutboxEvent[]> {
      const where = dueWhere(new Date(clock.now()), filters);
      const records = await run("read due events", () =>
        outboxEvent.findMany({ where, orderBy: { seq: "asc" }, take: limit }),
      );
      return (records as OutboxEventRecord[]).map(readEventRecord);
    },
    async claim(): Promise<never> {
      throw unsupported("claim many events at once: use the optimistic fetch strategy");
    },
    lock,
    async forceUnlock(id: string, reason: string): Promise<OutboxEvent | null> {
      const data = { ...released, lastError: sanitizeFailureMessage(reason) };
      return (await change("unlock an event", { id, status: "pending" }, data)) ? readFirst({ id }) : null;
    },

    extendLease: (fence: LeaseFence, rows: readonly EventRef[], leaseMs: number) =>
      eachOf(rows, (row) => change("extend a lease", heldBy(fence, row), { leaseUntil: inMs(leaseMs) })),
    recordCompleted: (fence: Fence, rows: readonly EventRef[]) => record(rows, (row) => complete(fence, row)),
    recordPending: (fence: Fence, rows: readonly PendingRow[]) =>
      record(rows, (row) =>
        recordAttempts(fence, row, {
          nextAttemptAt: row.delayMs === null ? null : inMs(row.delayMs),
          ...(row.error !== null && { lastError: row.error }),
          startedAttempts: row.startedAttempts,
          ...released,
        }),
      ),
    recordFailed: (fence: Fence, rows: readonly FailedRow[]) =>
      record(rows, (row) =>
        recordAttempts(fence, row, {
          status: "failed",
          nextAttemptAt: null,
          lastError: row.error,
          startedAttempts: 0,
          ...released,
        }),
      ),
  });
}

function heldBy(fence: Fence, { seq }: EventRef): object {
  if (fence.kind !== "lease") throw unsupported("write outcomes under owned buckets");
  return { seq, leaseToken: fence.token, status: "pending" };
}

function unsupported(what: string): OmniBoxError {
  return new OmniBoxError("CONFIG.UNSUPPORTED_CAPABILITY", `createPrismaModelOutboxRepository cannot ${what}`);
}

function hasModels(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { outboxEvent, outboxSetting, $connect } = value as Partial<PrismaModelClientLike>;
  return (
    typeof outboxEvent?.findMany === "function" &&
    typeof outboxSetting?.findFirst === "function" &&
    typeof $connect === "function"
  );
}
