import {
  type EventRef,
  type Fence,
  type InboxEventRepository,
  type InboxRow,
  type InboxUse,
  objectWith,
  partitionHashVersion,
  validateOptions,
} from "@omni-box/core";
import { z } from "zod";
import { createBucketOperations } from "./create-bucket-operations.js";
import { createEventOperations } from "./create-event-operations.js";
import { createStatements } from "./create-statements.js";
import { prismaDefaults } from "./defaults.js";
import { createCommitCheck } from "./inbox/create-commit-check.js";
import { createTransactionRunner } from "./inbox/create-transaction-runner.js";
import { insertMessages } from "./inbox/insert-messages.js";
import { createPostgresqlInboxDialect, inboxSequence } from "./postgresql/create-inbox-dialect.js";
import { sequenceTable } from "./postgresql/raise-sequences-sql.js";
import { verifyPostgresqlStore } from "./postgresql/verify-postgresql-store.js";
import type { PrismaTransactionalClientLike, PrismaTransactionLike } from "./prisma-client-like.js";
import { type PrismaInboxRepositoryOptions, prismaInboxOptions } from "./prisma-inbox-options.js";

/**
 * Creates an inbox repository over a Prisma 7 client for PostgreSQL.
 *
 * Handlers get the client's own transactions, with its models and extensions. Each operation is one SQL statement, save that
 * duplicates are looked up by a second one, and times are compared on the database's clock.
 *
 * @param client - the application's client, extended or not, but not a transaction
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function createPrismaInboxRepository<Tx extends PrismaTransactionLike>(
  client: PrismaTransactionalClientLike<Tx>,
  options: PrismaInboxRepositoryOptions = {},
): InboxEventRepository<Tx> {
  const argumentsSchema = z.strictObject({
    client: objectWith<PrismaTransactionalClientLike<Tx>>(
      "a Prisma client",
      "$queryRawUnsafe",
      "$executeRawUnsafe",
      "$connect",
      "$transaction",
    ),
    options: prismaInboxOptions,
  });
  const checked = validateOptions("createPrismaInboxRepository", argumentsSchema, { client, options }).options;
  const { schema, bucketCount, statementTimeoutMs, lockTimeoutMs } = checked;
  const { isolationLevel, maxWaitMs } = checked.transaction;
  const dialect = createPostgresqlInboxDialect({ schema, bucketCount });
  const { methods, query, record } = createEventOperations({ client, dialect, statementTimeoutMs });
  const { ownership: limits } = prismaDefaults;
  const ownership = createStatements(client, { ...limits, timeoutMs: Math.min(statementTimeoutMs, limits.timeoutMs) });
  // A wait for another transaction must not look like a database that does not answer.
  const storeLockTimeoutMs = Math.min(lockTimeoutMs, Math.ceil(statementTimeoutMs / 2));

  const commitCheck = createCommitCheck(async (ids) => {
    const found = await query<{ readonly id: string }>("check that transactions have committed", dialect.findIds(ids));
    return new Set(found.map(({ id }) => id));
  }, prismaDefaults.commitCheck);

  return Object.freeze<InboxEventRepository<Tx>>({
    capabilities: Object.freeze({ leasedClaim: true, bulkOutcomes: true, keyHeads: true, ownedBuckets: true }),
    ...methods,
    bucketsOf: (consumerGroup: string) =>
      createBucketOperations({
        dialect: dialect.bucketsOf(consumerGroup),
        query,
        record,
        ownership,
        readEvent: dialect.readEvent,
      }),
    transaction: createTransactionRunner({ client, dialect, commitCheck, lockTimeoutMs, maxWaitMs, isolationLevel }),

    async store(rows: readonly InboxRow[]) {
      const insert = { dialect, lockTimeoutMs: storeLockTimeoutMs, behindPending: "insert", query } as const;
      return insertMessages(rows, insert);
    },
    recordStarted: (fence: Fence, row: EventRef, startedAttempts: number) =>
      record("record the start of an event", [row], () => dialect.recordStarted(fence, [row], startedAttempts)),

    verify: ({ sequences = true, buckets = false }: InboxUse = {}) =>
      verifyPostgresqlStore({
        repository: "createPrismaInboxRepository",
        insteadElsewhere: "there is no inbox repository for other databases yet",
        schema,
        rights: {
          inbox_event: ["SELECT", "INSERT", "UPDATE"],
          [inboxSequence]: ["USAGE"],
          // The table has to be there in any case: it came with a migration.
          [sequenceTable]: sequences ? ["SELECT", "INSERT", "UPDATE"] : [],
          inbox_bucket: buckets ? ["SELECT", "INSERT", "UPDATE"] : [],
          inbox_worker: buckets ? ["SELECT", "INSERT", "UPDATE", "DELETE"] : [],
        },
        setting: { bucketCount, hashVersion: partitionHashVersion },
        query: (statement) => query("check the store", statement),
      }),
  });
}
