import { isOmniBoxError } from "@omni-box/core";
import type { StoreSetting } from "../outbox-dialect.js";
import { shippedMigrationNames } from "../shipped-migrations.js";
import type { Statement } from "../statement.js";
import { describeSettingMismatch } from "../store-not-ready.js";
import { qualifyTable } from "./qualify-table.js";

/** What is verified, and how to ask the database. */
export interface VerifyOptions {
  readonly schema: string | undefined;
  readonly onPublished: "delete" | "keep";
  readonly setting: StoreSetting;
  query<Row>(statement: Statement): Promise<readonly Row[]>;
}

interface TableFacts {
  readonly name: string;
  readonly found: boolean;
  /** Rights that the role lacks. */
  readonly lacking: readonly string[];
}

const settingTable = "outbox_setting";
const migrationTable = "omni_box_migration";

/**
 * Looks for everything that would keep a relay from working, and reports all of it at once.
 *
 * Migrations that are recorded but unknown to this version are no problem: they only add to what older versions use, so
 * that the database can be migrated before the last old process stops. What would not fit changes the recorded setting.
 */
export async function verifyPostgresqlStore(options: VerifyOptions): Promise<readonly string[]> {
  const notPostgresql = await findOtherDatabase(options);
  if (notPostgresql !== null) return [notPostgresql];

  const tables = await readTables(options);
  const readable = (name: string) =>
    tables.some((table) => table.name === name && table.found && !table.lacking.includes("SELECT"));
  return [
    ...describeTables(tables, options.schema),
    ...(readable(migrationTable) ? await findMissingMigrations(options) : []),
    ...(readable(settingTable) ? await findSettingMismatch(options) : []),
  ];
}

async function findOtherDatabase({ query }: VerifyOptions): Promise<string | null> {
  const problem = (found: string) =>
    `the client is connected to ${found}, and createPrismaOutboxRepository needs PostgreSQL: ` +
    "use createPrismaModelOutboxRepository with other databases";
  try {
    const [row] = await query<{ version: string }>({ sql: "SELECT version() AS version", values: [] });
    const version = row?.version ?? "";
    return version.startsWith("PostgreSQL ") ? null : problem(`"${version.slice(0, 60)}"`);
  } catch (error) {
    // An outage says nothing about the kind of database; a refused statement does.
    if (isOmniBoxError(error) && !isOmniBoxError(error, "STORE.TRANSACTION_FAILED")) throw error;
    return problem("a database without the function version()");
  }
}

async function readTables({ schema, onPublished, query }: VerifyOptions): Promise<readonly TableFacts[]> {
  const needed = {
    outbox_event: onPublished === "delete" ? ["SELECT", "UPDATE", "DELETE"] : ["SELECT", "UPDATE"],
    [settingTable]: ["SELECT"],
    [migrationTable]: ["SELECT"],
  };
  // The catalog is asked instead of to_regclass, which raises an error for a schema that the role may not use.
  const sql = `
    SELECT needed.name, tables.oid IS NOT NULL AS found,
           array(
             SELECT rights.name
             FROM jsonb_array_elements_text(needed.rights) AS rights (name)
             WHERE tables.oid IS NOT NULL
               AND NOT (tables.usable AND has_table_privilege(tables.oid, rights.name))
           ) AS lacking
    FROM jsonb_to_recordset($1::jsonb) AS needed (name text, rights jsonb, ord integer)
    LEFT JOIN (
      SELECT class.oid, class.relname, has_schema_privilege(namespace.oid, 'USAGE') AS usable
      FROM pg_catalog.pg_class AS class
      JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
      WHERE class.relkind IN ('r', 'p')
        AND CASE WHEN $2::text IS NULL THEN pg_catalog.pg_table_is_visible(class.oid) ELSE namespace.nspname = $2::text END
    ) AS tables ON tables.relname = needed.name
    ORDER BY needed.ord`;
  const wanted = Object.entries(needed).map(([name, rights], ord) => ({ name, rights, ord }));
  return query<TableFacts>({ sql, values: [JSON.stringify(wanted), schema ?? null] });
}

function describeTables(tables: readonly TableFacts[], schema: string | undefined): readonly string[] {
  const missing = tables.filter(({ found }) => !found).map(({ name }) => name);
  const where = schema === undefined ? "on the search_path" : `in the schema "${schema}"`;
  const problems = tables
    .filter(({ lacking }) => lacking.length > 0)
    .map(({ name, lacking }) => `the database role has no right to ${lacking.join(", ")} on ${name}: grant it`);
  if (missing.length === 0) return problems;
  return [
    `missing ${where}: ${missing.join(", ")}. Run applyOmniBoxMigrations or prisma migrate deploy, or correct the option schema`,
    ...problems,
  ];
}

async function findMissingMigrations({ schema, query }: VerifyOptions): Promise<readonly string[]> {
  const recorded = await query<{ name: string }>({
    sql: `SELECT name FROM ${qualifyTable(schema, migrationTable)}`,
    values: [],
  });
  const names = new Set(recorded.map(({ name }) => name));
  const missing = (await shippedMigrationNames()).filter((name) => !names.has(name));
  if (missing.length === 0) return [];
  return [`migrations not applied: ${missing.join(", ")}. Run applyOmniBoxMigrations or prisma migrate deploy`];
}

async function findSettingMismatch({ schema, setting, query }: VerifyOptions): Promise<readonly string[]> {
  const [row] = await query<{ bucket_count: number; hash_version: number }>({
    sql: `SELECT bucket_count, hash_version FROM ${qualifyTable(schema, settingTable)} WHERE id = 1`,
    values: [],
  });
  const recorded = row && { bucketCount: row.bucket_count, hashVersion: row.hash_version };
  const problem = describeSettingMismatch(setting, recorded);
  return problem === null ? [] : [problem];
}
