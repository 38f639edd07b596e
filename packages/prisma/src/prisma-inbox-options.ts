import { defaults, milliseconds } from "@omni-box/core";
import { z } from "zod";
import { prismaDefaults } from "./defaults.js";
import { schemaName } from "./postgresql/qualify-table.js";
import type { PrismaIsolationLevel } from "./prisma-client-like.js";

/** How the transactions of handlers are opened. */
export interface PrismaInboxTransactionOptions {
  /** Default: the database's own, which is ReadCommitted unless it was changed. Setting it costs one round trip. */
  readonly isolationLevel?: PrismaIsolationLevel | undefined;
  /** The longest wait for a connection of the pool; default 5,000 ms. */
  readonly maxWaitMs?: number | undefined;
}

/** Options of `createPrismaInboxRepository`. */
export interface PrismaInboxRepositoryOptions {
  /**
   * The database schema of the omni-box tables. Default: the connection's search_path decides, which is `public` unless it
   * was changed. Needed when the driver adapter was given a `schema`, since that does not apply to raw SQL.
   */
  readonly schema?: string | undefined;
  /** Default 64. Must equal the count recorded in `outbox_setting`: `verify` compares them. */
  readonly bucketCount?: number | undefined;
  /** The longest wait for the answer to one statement outside of handlers' transactions; default 10,000 ms. After it the outcome is unknown. */
  readonly statementTimeoutMs?: number | undefined;
  /**
   * How long an insert waits for another transaction that holds the same message; default 5,000 ms. Then it is STORE.CONFLICT.
   * For `store` at most half of `statementTimeoutMs`.
   */
  readonly lockTimeoutMs?: number | undefined;
  readonly transaction?: PrismaInboxTransactionOptions | undefined;
}

/** The rules of {@link PrismaInboxRepositoryOptions}. */
export const prismaInboxOptions = z.strictObject({
  schema: schemaName.optional(),
  bucketCount: z.int().min(1).max(32_767).default(defaults.bucketCount),
  statementTimeoutMs: milliseconds(1).default(prismaDefaults.statementTimeoutMs),
  lockTimeoutMs: milliseconds(1).default(prismaDefaults.lockTimeoutMs),
  transaction: z
    .strictObject({
      isolationLevel: z.enum(["ReadUncommitted", "ReadCommitted", "RepeatableRead", "Serializable"]).optional(),
      maxWaitMs: milliseconds(1).default(prismaDefaults.maxWaitMs),
    })
    .default({ maxWaitMs: prismaDefaults.maxWaitMs }),
});
