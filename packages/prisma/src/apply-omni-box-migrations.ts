import { milliseconds, OmniBoxError, objectWith, validateOptions } from "@omni-box/core";
import { z } from "zod";
import { prismaDefaults } from "./defaults.js";
import { mapPrismaError } from "./map-prisma-error.js";
import { quoteIdentifier, schemaName } from "./postgresql/qualify-table.js";
import type { PrismaTransactionalClientLike, PrismaTransactionLike } from "./prisma-client-like.js";
import { readDatabaseError } from "./read-database-error.js";
import { requireSchema } from "./require-schema.js";
import { readShippedMigrations, type ShippedMigration } from "./shipped-migrations.js";

/** Options of {@link applyOmniBoxMigrations}. */
export interface ApplyOmniBoxMigrationsOptions {
  /** The schema that the tables are made in; it must exist. Default: the first one of the connection's search_path. */
  readonly schema?: string | undefined;
  /** The longest time for one migration, waiting for other processes included; default 60,000 ms. */
  readonly timeoutMs?: number | undefined;
}

/** What {@link applyOmniBoxMigrations} did. */
export interface AppliedMigrations {
  /** The migrations that this call applied, in order; empty when all were there. */
  readonly applied: readonly string[];
}

const argumentsSchema = z.strictObject({
  client: objectWith<PrismaTransactionalClientLike>("a Prisma client", "$transaction", "$connect", "$queryRawUnsafe"),
  options: z.strictObject({
    schema: schemaName.optional(),
    timeoutMs: milliseconds(1).default(prismaDefaults.migrationTimeoutMs),
  }),
});

/** Any number that no other user of advisory locks in the same database is likely to take. */
const advisoryLock = 5_847_201_936;

/**
 * Creates or updates the omni-box tables, for applications that do not apply the shipped SQL with `prisma migrate deploy`.
 *
 * Idempotent and safe to call from many processes that start at once: each migration runs in a transaction of its own under
 * an advisory lock. Migrations that `prisma migrate` applied are recognised. The client's role must own the schema's tables.
 *
 * @throws {OmniBoxError} CONFIG.STORE_NOT_READY when an applied migration was changed afterwards, or tables of the same names
 *   exist without a record. Nothing was changed by the migration concerned.
 * @throws {OmniBoxError} STORE.SCHEMA_MISSING when the schema does not exist, STORE.ACCESS_DENIED when the role may not create
 *   tables in it, STORE.UNREACHABLE or STORE.TIMEOUT when the database did not answer; call again.
 */
export async function applyOmniBoxMigrations(
  client: PrismaTransactionalClientLike,
  options: ApplyOmniBoxMigrationsOptions = {},
): Promise<AppliedMigrations> {
  const { schema, timeoutMs } = validateOptions("applyOmniBoxMigrations", argumentsSchema, { client, options }).options;
  const applied: string[] = [];
  for (const migration of await readShippedMigrations()) {
    try {
      const isNew = await client.$transaction((tx) => applyOne(tx, migration, schema), {
        maxWait: timeoutMs,
        timeout: timeoutMs,
        // The record is read after the lock was waited for, and must then show what the other process wrote.
        isolationLevel: "ReadCommitted",
      });
      if (isNew) applied.push(migration.name);
    } catch (error) {
      throw migrationError(error, migration.name);
    }
  }
  return { applied };
}

async function applyOne(
  tx: PrismaTransactionLike,
  { name, sql, checksum }: ShippedMigration,
  schema: string | undefined,
): Promise<boolean> {
  await tx.$executeRawUnsafe(`SELECT pg_advisory_xact_lock(${advisoryLock})`);
  if (schema !== undefined) {
    await requireSchema(tx, schema);
    await tx.$executeRawUnsafe(`SET LOCAL search_path TO ${quoteIdentifier(schema)}`);
  }
  const recorded = await recordedChecksum(tx, name);
  if (recorded !== undefined) {
    if (recorded !== null && recorded !== checksum) throw editedMigration(name);
    return false;
  }
  // Without parameters the driver sends all statements of the file at once.
  await tx.$executeRawUnsafe(sql);
  await tx.$executeRawUnsafe("UPDATE omni_box_migration SET checksum = $1 WHERE name = $2", checksum, name);
  return true;
}

/** `undefined`: not applied. `null`: applied by `prisma migrate`, which keeps checksums of its own. */
async function recordedChecksum(tx: PrismaTransactionLike, name: string): Promise<string | null | undefined> {
  const tables = await tx.$queryRawUnsafe<unknown[]>(
    "SELECT 1 AS one FROM pg_class WHERE relname = 'omni_box_migration' AND relkind = 'r' AND pg_table_is_visible(oid)",
  );
  if (tables.length === 0) return undefined;
  const [row] = await tx.$queryRawUnsafe<{ checksum: string | null }[]>(
    "SELECT checksum FROM omni_box_migration WHERE name = $1",
    name,
  );
  return row?.checksum;
}

function editedMigration(name: string): OmniBoxError {
  return new OmniBoxError(
    "CONFIG.STORE_NOT_READY",
    `the migration ${name} of this package is not the one that was applied: install the package anew, and make changes of ` +
      "your own in a migration of your own",
    { meta: { migration: name } },
  );
}

const duplicateTable = "42P07";

function migrationError(error: unknown, name: string): unknown {
  if (readDatabaseError(error).sqlState !== duplicateTable) return mapPrismaError(error, `apply the migration ${name}`);
  return new OmniBoxError(
    "CONFIG.STORE_NOT_READY",
    `the migration ${name} was not applied: tables of the same names exist already, and none is recorded in ` +
      "omni_box_migration. If prisma db push made them, drop them and call this again",
    { meta: { migration: name } },
  );
}
