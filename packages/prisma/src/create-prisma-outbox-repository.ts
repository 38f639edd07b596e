import {
  type AddedEvent,
  type OutboxEventDraft,
  type OutboxEventRepository,
  objectWith,
  partitionHashVersion,
  validateOptions,
} from "@omni-box/core";
import { z } from "zod";
import { createBucketOperations } from "./create-bucket-operations.js";
import { createEventOperations } from "./create-event-operations.js";
import { createStatements } from "./create-statements.js";
import { prismaDefaults } from "./defaults.js";
import type { StoreSetting } from "./event-dialect.js";
import { mapPrismaErrorInTransaction } from "./map-prisma-error.js";
import { matchAdded } from "./match-added.js";
import { noteAddedEvents } from "./note-added-events.js";
import { createPostgresqlOutboxDialect } from "./postgresql/create-outbox-dialect.js";
import { schemaName } from "./postgresql/qualify-table.js";
import { verifyPostgresqlStore } from "./postgresql/verify-postgresql-store.js";
import { isPrismaTransaction, type PrismaClientLike, type PrismaTransactionLike } from "./prisma-client-like.js";
import { type PrismaOutboxOptions, prismaOutboxOptions } from "./prisma-outbox-options.js";
import { storeNotReady } from "./store-not-ready.js";

/** Options of {@link createPrismaOutboxRepository}. */
export interface PrismaOutboxRepositoryOptions extends PrismaOutboxOptions {
  /**
   * The database schema of the omni-box tables. Default: the connection's search_path decides, which is `public` unless it
   * was changed. Needed when the driver adapter was given a `schema`, since that does not apply to raw SQL.
   */
  readonly schema?: string | undefined;
  /**
   * `true`: `add` locks the partition keys of its events until the transaction ends, so that the order of `seq` is the order of
   * the commits and the events of a key are published in it, although nothing else was locked. Costs no statement. All
   * producers have to set it. Default `false`: the application locks the aggregate, or reads its version, before `add`.
   *
   * Keys share 1,024 locks of the database, so that unrelated transactions may wait for each other. Two that call `add` several
   * times, for keys in opposite order, end in a deadlock (SQLSTATE 40P01), which one of them gets as an error to be repeated:
   * give all events to one call.
   */
  readonly lockKeys?: boolean | undefined;
}

const argumentsSchema = z.strictObject({
  client: objectWith<PrismaClientLike>("a Prisma client", "$queryRawUnsafe", "$executeRawUnsafe", "$connect"),
  options: prismaOutboxOptions.extend({ schema: schemaName.optional(), lockKeys: z.boolean().default(false) }),
});

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
  const { schema, onPublished, bucketCount, statementTimeoutMs, lockKeys } = checked;
  const dialect = createPostgresqlOutboxDialect({ schema, onPublished, lockKeys });
  const setting: StoreSetting = { bucketCount, hashVersion: partitionHashVersion };
  const { methods, query, record } = createEventOperations({ client, dialect, statementTimeoutMs });
  const { ownership: limits } = prismaDefaults;
  const ownership = createStatements(client, { ...limits, timeoutMs: Math.min(statementTimeoutMs, limits.timeoutMs) });
  const { readEvent, buckets: bucketDialect } = dialect;

  async function add(
    tx: PrismaTransactionLike | PrismaClientLike,
    drafts: readonly OutboxEventDraft[],
  ): Promise<readonly AddedEvent[]> {
    if (drafts.length === 0) return [];
    const { sql, values } = dialect.add(drafts, setting);
    const inserted = await inTransaction(() => tx.$queryRawUnsafe<{ seq: bigint; id: string }[]>(sql, ...values));
    // Nothing at all may also mean that the setting did not match, which is worth a second statement only then.
    if (inserted.length === 0) await checkSetting(tx);
    else noteAddedEvents(tx);
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
    capabilities: Object.freeze({ leasedClaim: true, bulkOutcomes: true, keyHeads: false, ownedBuckets: true }),
    isTransaction: (given: unknown) => isPrismaTransaction(given, "$queryRawUnsafe"),
    add,
    ...methods,
    buckets: createBucketOperations({ dialect: bucketDialect, query, record, ownership, readEvent }),
    verify: () =>
      verifyPostgresqlStore({
        repository: "createPrismaOutboxRepository",
        insteadElsewhere: "use createPrismaModelOutboxRepository with other databases",
        schema,
        rights: {
          outbox_event: onPublished === "delete" ? ["SELECT", "UPDATE", "DELETE"] : ["SELECT", "UPDATE"],
          outbox_bucket: ["SELECT", "UPDATE"],
          outbox_worker: ["SELECT", "INSERT", "UPDATE", "DELETE"],
        },
        bucketTables: { bucket: "outbox_bucket", event: "outbox_event" },
        setting,
        query: (statement) => query("check the store", statement),
      }),
  });
}

async function inTransaction<Result>(call: () => PromiseLike<Result>): Promise<Result> {
  try {
    return await call();
  } catch (error) {
    throw mapPrismaErrorInTransaction(error, "add events");
  }
}
