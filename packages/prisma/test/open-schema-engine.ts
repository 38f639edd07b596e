import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { PrismaPg } from "@prisma/adapter-pg";
import { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum } from "@prisma/driver-adapter-utils";
import * as engineModule from "@prisma/schema-engine-wasm/schema_engine_bg";
import pg from "pg";
import { databaseUrl } from "./open-test-database.js";

/** Prisma's schema engine over two empty databases of its own on the tests' server. */
export interface TestSchemaEngine {
  /**
   * Compares what migrations make with what a Prisma schema says, as `prisma migrate` does before it reports drift.
   *
   * @returns the SQL that would lead from one to the other; empty when they agree.
   */
  diff(migrations: readonly Migration[], schema: string): Promise<string>;
  close(): Promise<void>;
}

export interface Migration {
  readonly folder: string;
  readonly sql: string;
}

/** The part of the global that is used; neither Node's types nor this repository's `lib` have it. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: { __wbindgen_start(): void } };
};

let loaded = false;

/** Node 20 cannot import WebAssembly as a module, so what the package's own entry does is done by hand. */
function loadEngine(): void {
  if (loaded) return;
  const wasm = fileURLToPath(
    import.meta.resolve("@prisma/schema-engine-wasm/schema_engine_bg").replace(/_bg\.js$/, "_bg.wasm"),
  );
  const module = new WebAssembly.Module(readFileSync(wasm));
  const { exports } = new WebAssembly.Instance(module, { "./schema_engine_bg.js": engineModule });
  engineModule.__wbg_set_wasm(exports);
  exports.__wbindgen_start();
  loaded = true;
}

const charOid = 18;
const uuidOid = 2950;

/**
 * The engine reads catalog columns of the type "char", which Prisma's adapter refuses. They are passed through it as uuids, of
 * which the catalog has none, and named characters behind it.
 */
class CatalogPool extends pg.Pool {
  // The overloads of the original are many, and the adapter calls one.
  // biome-ignore lint/suspicious/noExplicitAny: passed through unread
  override async query(...given: any[]): Promise<any> {
    const result = await Reflect.apply(pg.Pool.prototype.query, this, given);
    for (const field of result?.fields ?? []) if (field.dataTypeID === charOid) field.dataTypeID = uuidOid;
    return result;
  }
}

async function connectToCatalog(pool: CatalogPool) {
  const connection = await new PrismaPg(pool).connect();
  const queryRaw = connection.queryRaw.bind(connection);
  connection.queryRaw = async (query) => {
    const { columnTypes, ...result } = await queryRaw(query);
    const { Uuid, Character } = ColumnTypeEnum;
    return { ...result, columnTypes: columnTypes.map((type) => (type === Uuid ? Character : type)) };
  };
  return connection;
}

export async function openSchemaEngine(): Promise<TestSchemaEngine> {
  loadEngine();
  const name = `omni_box_test_${randomBytes(6).toString("hex")}`;
  const databases = [name, `${name}_shadow`];
  await onServer(databases.map((database) => `CREATE DATABASE ${database}`));
  const pools = databases.map((database) => {
    const url = new URL(databaseUrl);
    url.pathname = `/${database}`;
    return new CatalogPool({ connectionString: url.href });
  });
  const [main, shadow] = pools;
  if (main === undefined || shadow === undefined) throw new Error("two databases were expected");
  const { provider, adapterName } = new PrismaPg(main);
  const factory = bindMigrationAwareSqlAdapterFactory({
    provider,
    adapterName,
    connect: () => connectToCatalog(main),
    // The adapter's own shadow database is the main one when the configuration is a connection string.
    connectToShadowDb: () => connectToCatalog(shadow),
  });

  return {
    async diff(migrations, schema) {
      await shadow.query("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
      const engine = await engineModule.SchemaEngine.new(
        { datamodels: [["schema.prisma", schema]] },
        () => {},
        factory,
      );
      const result = await engine.diff({
        from: {
          tag: "migrations",
          baseDir: "prisma/migrations",
          shadowDbInitScript: "",
          lockfile: { path: "migration_lock.toml", content: 'provider = "postgresql"\n' },
          migrationDirectories: migrations.map(({ folder, sql }) => ({
            path: folder,
            migrationFile: { path: "migration.sql", content: { tag: "ok", value: sql } },
          })),
        },
        to: { tag: "schemaDatamodel", files: [{ path: "schema.prisma", content: schema }] },
        script: true,
        exitCode: true,
        filters: { externalTables: [], externalEnums: [] },
      });
      return result.exitCode === 0 ? "" : (result.stdout ?? "a difference without a script");
    },
    async close() {
      for (const pool of pools) await pool.end();
      await onServer(databases.map((database) => `DROP DATABASE ${database} WITH (FORCE)`));
    },
  };
}

async function onServer(statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}
