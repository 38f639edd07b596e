import {
  type AddedEvent,
  type ClaimRequest,
  type DueQuery,
  type EventRef,
  type FailedRow,
  type Fence,
  type LeaseFence,
  type LeaseRequest,
  type OutboxEvent,
  type OutboxEventDraft,
  type OutboxEventRepository,
  type OutcomeReceipt,
  objectWith,
  type PendingRow,
  partitionHashVersion,
  sanitizeFailureMessage,
  validateOptions,
} from "@omni-box/core";
import { z } from "zod";
import { prismaDefaults } from "./defaults.js";
import { mapPrismaErrorInTransaction } from "./map-prisma-error.js";
import { matchAdded } from "./match-added.js";
import type { StoredRow, StoreSetting } from "./outbox-dialect.js";
import { createPostgresqlDialect } from "./postgresql/create-postgresql-dialect.js";
import { schemaName } from "./postgresql/qualify-table.js";
import { verifyPostgresqlStore } from "./postgresql/verify-postgresql-store.js";
import { isPrismaTransaction, type PrismaClientLike, type PrismaTransactionLike } from "./prisma-client-like.js";
import { type PrismaOutboxOptions, prismaOutboxOptions } from "./prisma-outbox-options.js";
import { createStatementRunner, type StatementOptions } from "./run-statement.js";
import type { Statement } from "./statement.js";
import { storeNotReady } from "./store-not-ready.js";

/** Options of {@link createPrismaOutboxRepository}. */
export interface PrismaOutboxRepositoryOptions extends PrismaOutboxOptions {
  /**
   * The database schema of the omni-box tables. Default: the connection's search_path decides, which is `public` unless it
   * was changed. Needed when the driver adapter was given a `schema`, since that does not apply to raw SQL.
   */
  readonly schema?: string | undefined;
}

const argumentsSchema = z.strictObject({
  client: objectWith<PrismaClientLike>("a Prisma client", "$queryRawUnsafe", "$executeRawUnsafe", "$connect"),
  options: prismaOutboxOptions.extend({ schema: schemaName.optional() }),
});

const uuid = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

/**
 * Creates an outbox repository over a Prisma 7 client for PostgreSQL.
 *
 * Each operation is one SQL statement, and times are compared on the database's clock. `add` runs on the transaction client
 * that it is given, everything else on `client`, which should have its own connections if transactions are long.
 *
 * @param client - the application's client, extended or not, but not a transaction
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function createPrismaOutboxRepository(
  client: PrismaClientLike,
  options: PrismaOutboxRepositoryOptions = {},
): OutboxEventRepository<PrismaTransactionLike, PrismaClientLike> {
  const checked = validateOptions("createPrismaOutboxRepository", argumentsSchema, { client, options }).options;
  const { schema, onPublished, bucketCount, statementTimeoutMs } = checked;
  const dialect = createPostgresqlDialect({ schema, onPublished });
  const setting: StoreSetting = { bucketCount, hashVersion: partitionHashVersion };

  const { maxUnanswered, unansweredForMs } = prismaDefaults;
  const { run } = createStatementRunner({ timeoutMs: statementTimeoutMs, maxUnanswered, unansweredForMs });

  function query<Row>(
    purpose: string,
    { sql, values }: Statement,
    options?: StatementOptions<readonly Row[]>,
  ): Promise<readonly Row[]> {
    return run(purpose, () => client.$queryRawUnsafe<readonly Row[]>(sql, ...values), options);
  }

  async function readEvents(purpose: string, statement: Statement): Promise<readonly OutboxEvent[]> {
    return (await query<StoredRow>(purpose, statement)).map(dialect.readEvent);
  }

  /** Takes rows. If the answer comes after the caller has given up, they are given back, else they would be hidden for a lease. */
  async function leaseEvents(purpose: string, token: string, statement: Statement): Promise<readonly OutboxEvent[]> {
    const onLateAnswer = (late: readonly StoredRow[]) => giveBack(token, late.map(dialect.readEvent));
    return (await query<StoredRow>(purpose, statement, { onLateAnswer })).map(dialect.readEvent);
  }

  async function giveBack(token: string, events: readonly OutboxEvent[]): Promise<void> {
    if (events.length === 0) return;
    const rows = events.map(({ id, seq, attemptsMade }) => ({ id, seq, attemptsMade, delayMs: null, error: null }));
    const statement = dialect.recordPending({ kind: "lease", token }, rows);
    await query("give late events back", statement, { evenIfFull: true });
  }

  /** No other text is the id of an event, and the database would refuse it. */
  async function onlyById(id: string, read: () => Promise<readonly OutboxEvent[]>): Promise<OutboxEvent | null> {
    const [event] = uuid.test(id) ? await read() : [];
    return event ?? null;
  }

  async function record(
    purpose: string,
    rows: readonly EventRef[],
    statement: () => Statement,
  ): Promise<OutcomeReceipt> {
    if (rows.length === 0) return { missing: [] };
    const unchanged = await query<{ seq: bigint }>(purpose, statement());
    if (unchanged.length === 0) return { missing: [] };
    const seqs = new Set(unchanged.map(({ seq }) => seq));
    return { missing: rows.filter(({ seq }) => seqs.has(seq)).map(({ id, seq }) => ({ id, seq })) };
  }

  async function add(
    tx: PrismaTransactionLike | PrismaClientLike,
    drafts: readonly OutboxEventDraft[],
  ): Promise<readonly AddedEvent[]> {
    if (drafts.length === 0) return [];
    const { sql, values } = dialect.add(drafts, setting);
    const inserted = await inTransaction(() => tx.$queryRawUnsafe<{ seq: bigint; id: string }[]>(sql, ...values));
    // Nothing at all may also mean that the setting did not match, which is worth a second statement only then.
    if (inserted.length === 0) await checkSetting(tx);
    return matchAdded(drafts, inserted);
  }

  async function checkSetting(tx: PrismaTransactionLike | PrismaClientLike): Promise<void> {
    const { sql, values } = dialect.setting();
    const [recorded] = await inTransaction(() =>
      tx.$queryRawUnsafe<{ bucket_count: number; hash_version: number }[]>(sql, ...values),
    );
    const found = recorded && { bucketCount: recorded.bucket_count, hashVersion: recorded.hash_version };
    if (found?.bucketCount !== setting.bucketCount || found.hashVersion !== setting.hashVersion) {
      throw storeNotReady(setting, found);
    }
  }

  return Object.freeze({
    capabilities: Object.freeze({ leasedClaim: true, bulkOutcomes: true }),
    isTransaction: (given: unknown) => isPrismaTransaction(given, "$queryRawUnsafe"),
    add,
    verify: () =>
      verifyPostgresqlStore({
        schema,
        onPublished,
        setting,
        query: (statement) => query("check the store", statement),
      }),

    findById: (id: string) => onlyById(id, () => readEvents("read an event", dialect.findById(id))),
    findDue: (due: DueQuery) => readEvents("read due events", dialect.findDue(due)),
    claim: (request: ClaimRequest) => leaseEvents("claim events", request.token, dialect.claim(request)),
    lock: (id: string, lease: LeaseRequest) =>
      onlyById(id, () => leaseEvents("lock an event", lease.token, dialect.lock(id, lease))),
    forceUnlock: (id: string, reason: string) =>
      onlyById(id, () => readEvents("unlock an event", dialect.forceUnlock(id, sanitizeFailureMessage(reason)))),

    extendLease: (fence: LeaseFence, rows: readonly EventRef[], leaseMs: number) =>
      record("extend leases", rows, () => dialect.extendLease(fence, rows, leaseMs)),
    recordCompleted: (fence: Fence, rows: readonly EventRef[]) =>
      record("record completed events", rows, () => dialect.recordCompleted(fence, rows)),
    recordPending: (fence: Fence, rows: readonly PendingRow[]) =>
      record("record pending events", rows, () => dialect.recordPending(fence, rows)),
    recordFailed: (fence: Fence, rows: readonly FailedRow[]) =>
      record("record failed events", rows, () => dialect.recordFailed(fence, rows)),
  });
}

async function inTransaction<Result>(call: () => PromiseLike<Result>): Promise<Result> {
  try {
    return await call();
  } catch (error) {
    throw mapPrismaErrorInTransaction(error, "add events");
  }
}
