import { isOmniBoxError } from "@omni-box/core";
import type { StoreSetting } from "../event-dialect.js";
import { shippedMigrationNames } from "../shipped-migrations.js";
import type { Statement } from "../statement.js";
import { describeSettingMismatch } from "../store-not-ready.js";
import { qualifyTable } from "./qualify-table.js";

/** What is verified, and how to ask the database. */
export interface VerifyOptions {
  /** The factory that the user called. */
  readonly repository: string;
  /** What to do where the database is not PostgreSQL. */
  readonly insteadElsewhere: string;
  readonly schema: string | undefined;
  /** The tables and sequences that the repository uses, with the rights that it needs on each. */
  readonly rights: Readonly<Record<string, readonly string[]>>;
  readonly setting: StoreSetting;
  /** The tables with one row for each bucket, and with the events in them, both of those in `rights`. Default: there are none. */
  readonly bucketTables?: BucketTables;
  query<Row>(statement: Statement): Promise<readonly Row[]>;
}

/** The tables with one row for each bucket, and with the events in them. */
export interface BucketTables {
  readonly bucket: string;
  readonly event: string;
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
 * Looks for everything that would keep a repository from working, and reports all of it at once.
 *
 * Migrations that are recorded but unknown to this version are no problem: they only add to what older versions use, so
 * that the database can be migrated before the last old process stops. What would not fit changes the recorded setting.
 */
export async function verifyPostgresqlStore(options: VerifyOptions): Promise<readonly string[]> {
  const notPostgresql = await findOtherDatabase(options);
  if (notPostgresql !== null) return [notPostgresql];

  const { bucketTables } = options;
  const tables = await readTables(options);
  const readable = (name: string) =>
    tables.some((table) => table.name === name && table.found && !table.lacking.includes("SELECT"));
  return [
    ...describeTables(tables, options.schema),
    ...(readable(migrationTable) ? await findMissingMigrations(options) : []),
    ...(readable(settingTable) ? await findSettingMismatch(options) : []),
    ...(bucketTables !== undefined && [settingTable, ...Object.values(bucketTables)].every(readable)
      ? await findBucketMismatch(options, bucketTables)
      : []),
  ];
}

async function findOtherDatabase({ repository, insteadElsewhere, query }: VerifyOptions): Promise<string | null> {
  const problem = (found: string) =>
    `the client is connected to ${found}, and ${repository} needs PostgreSQL: ${insteadElsewhere}`;
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

async function readTables({ schema, rights, query }: VerifyOptions): Promise<readonly TableFacts[]> {
  const needed = { ...rights, [settingTable]: ["SELECT"], [migrationTable]: ["SELECT"] };
  // The catalog is asked instead of to_regclass, which raises an error for a schema that the role may not use.
  const sql = `
    SELECT needed.name, tables.oid IS NOT NULL AS found,
           array(
             SELECT rights.name
             FROM jsonb_array_elements_text(needed.rights) AS rights (name)
             WHERE tables.oid IS NOT NULL
               AND NOT (tables.usable AND CASE WHEN tables.relkind = 'S' THEN has_sequence_privilege(tables.oid, rights.name)
                                               ELSE has_table_privilege(tables.oid, rights.name) END)
           ) AS lacking
    FROM jsonb_to_recordset($1::jsonb) AS needed (name text, rights jsonb, ord integer)
    LEFT JOIN (
      SELECT class.oid, class.relname, class.relkind, has_schema_privilege(namespace.oid, 'USAGE') AS usable
      FROM pg_catalog.pg_class AS class
      JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
      WHERE class.relkind IN ('r', 'p', 'S')
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

/** A bucket without a row would be owned by nobody, and its events would never be published. */
export async function findBucketMismatch(
  options: Pick<VerifyOptions, "schema" | "query">,
  tables: BucketTables,
): Promise<readonly string[]> {
  const { schema, query } = options;
  const [row] = await query<{ bucket_count: number; missing: number; others: number }>({
    sql: `
      SELECT setting.bucket_count,
             setting.bucket_count - (count(bucket.bucket) FILTER (WHERE bucket.bucket < setting.bucket_count))::integer AS missing,
             (count(*) FILTER (WHERE bucket.bucket >= setting.bucket_count))::integer AS others
      FROM ${qualifyTable(schema, settingTable)} AS setting
      LEFT JOIN ${qualifyTable(schema, tables.bucket)} AS bucket ON true
      WHERE setting.id = 1
      GROUP BY setting.bucket_count`,
    values: [],
  });
  // Without a row the setting itself is missing, which is said elsewhere.
  if (row === undefined) return [];
  if (row.missing === 0 && row.others === 0) return findStranded(options, tables, row.bucket_count);
  return [
    `outbox_setting records ${row.bucket_count} buckets, but of their rows in ${tables.bucket} ${row.missing} are missing and ` +
      `${row.others} are too many: insert or delete them while no worker is running`,
  ];
}

/** Events from the time of a greater count, in buckets that nobody owns any more. */
async function findStranded(
  { schema, query }: Pick<VerifyOptions, "schema" | "query">,
  tables: BucketTables,
  bucketCount: number,
): Promise<readonly string[]> {
  const beyond = `SELECT FROM ${qualifyTable(schema, tables.event)} AS event WHERE event.bucket >= $1::smallint`;
  // In the words of three partial indexes, each of which is looked at in one place.
  const [row] = await query<{ found: boolean }>({
    sql: `
      SELECT EXISTS (${beyond} AND event.status = 'pending' AND event.scheduled_at IS NULL)
          OR EXISTS (${beyond} AND event.status = 'pending' AND event.scheduled_at IS NOT NULL)
          OR EXISTS (${beyond} AND event.status = 'failed') AS found`,
    values: [bucketCount],
  });
  if (row?.found !== true) return [];
  return [
    `outbox_setting records ${bucketCount} buckets, but events are pending or failed in buckets beyond them, which nobody would publish: ` +
      "set the count back, let the relays empty the outbox, and change it then",
  ];
}
