import { objectWith, validateOptions } from "@omni-box/core";
import { z } from "zod";
import { mapPrismaError } from "./map-prisma-error.js";
import { qualifyTable, schemaName } from "./postgresql/qualify-table.js";
import type { PrismaClientLike } from "./prisma-client-like.js";
import { requireSchema } from "./require-schema.js";
import { readShippedMigrations } from "./shipped-migrations.js";

/** One migration of omni-box, and what a database says of it. */
export interface OmniBoxMigration {
  /** What it is recorded as: the name of its folder without the timestamp. */
  readonly name: string;
  /** `unknown`: applied by a later version of this package, which this one can work with. `changed`: its SQL is not what was applied. */
  readonly state: "applied" | "missing" | "changed" | "unknown";
  /** On the database's clock; `null` while it is missing. */
  readonly appliedAt: Date | null;
  /** `null` while it is missing. */
  readonly appliedBy: "omni-box" | "prisma migrate" | null;
}

/** Options of {@link readOmniBoxMigrations}. */
export interface ReadOmniBoxMigrationsOptions {
  /** The schema that the tables are in; it must exist. Default: the search_path of the connection. */
  readonly schema?: string | undefined;
}

interface MigrationRow {
  readonly name: string;
  readonly checksum: string | null;
  readonly applied_at: Date;
}

const argumentsSchema = z.strictObject({
  client: objectWith<PrismaClientLike>("a Prisma client", "$connect", "$queryRawUnsafe"),
  options: z.strictObject({ schema: schemaName.optional() }),
});

/**
 * Compares the migrations of this package with those that a database has, in the order in which they apply. Reads only.
 *
 * @throws {OmniBoxError} STORE.SCHEMA_MISSING when the schema or the database does not exist, STORE.ACCESS_DENIED when the record
 *   may not be read, STORE.UNREACHABLE when the database does not answer.
 */
export async function readOmniBoxMigrations(
  client: PrismaClientLike,
  options: ReadOmniBoxMigrationsOptions = {},
): Promise<readonly OmniBoxMigration[]> {
  const { schema } = validateOptions("readOmniBoxMigrations", argumentsSchema, { client, options }).options;
  const shipped = await readShippedMigrations();
  let recorded: ReadonlyMap<string, MigrationRow>;
  try {
    if (schema !== undefined) await requireSchema(client, schema);
    recorded = new Map((await readRecord(client, schema)).map((row) => [row.name, row]));
  } catch (error) {
    throw mapPrismaError(error, "read which migrations are applied");
  }
  const known = new Set(shipped.map(({ name }) => name));
  return [
    ...shipped.map(({ name, checksum }) => describe(name, recorded.get(name), checksum)),
    ...[...recorded.values()].filter(({ name }) => !known.has(name)).map((row) => describe(row.name, row, null)),
  ];
}

async function readRecord(client: PrismaClientLike, schema: string | undefined): Promise<readonly MigrationRow[]> {
  const tables = await client.$queryRawUnsafe<unknown[]>(
    `SELECT 1 AS one FROM pg_catalog.pg_class AS class
     JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
     WHERE class.relname = 'omni_box_migration' AND class.relkind = 'r'
       AND CASE WHEN $1::text IS NULL THEN pg_catalog.pg_table_is_visible(class.oid) ELSE namespace.nspname = $1::text END`,
    schema ?? null,
  );
  if (tables.length === 0) return [];
  return client.$queryRawUnsafe<MigrationRow[]>(
    `SELECT name, checksum, applied_at FROM ${qualifyTable(schema, "omni_box_migration")} ORDER BY applied_at, name`,
  );
}

function describe(name: string, row: MigrationRow | undefined, shippedChecksum: string | null): OmniBoxMigration {
  if (row === undefined) return { name, state: "missing", appliedAt: null, appliedBy: null };
  const appliedBy = row.checksum === null ? "prisma migrate" : "omni-box";
  return { name, state: stateOf(row, shippedChecksum), appliedAt: row.applied_at, appliedBy };
}

function stateOf({ checksum }: MigrationRow, shippedChecksum: string | null): OmniBoxMigration["state"] {
  if (shippedChecksum === null) return "unknown";
  // `prisma migrate` keeps checksums of its own.
  return checksum === null || checksum === shippedChecksum ? "applied" : "changed";
}
