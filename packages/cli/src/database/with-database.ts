import type { OmniBoxMigration } from "@omni-box/prisma";
import { PrismaPg } from "@prisma/adapter-pg";
import { CliFailure } from "../cli-failure.js";
import { cliDefaults } from "../defaults.js";
import { PrismaClient } from "../generated/client.js";
import type { DatabaseTarget } from "./database-target.js";
import { readMigrations } from "./read-migrations.js";

/**
 * Runs `work` with a client of its own for the database, and closes it.
 *
 * @param queryTimeoutMs - how long an answer may take
 */
export async function withDatabase<Result>(
  { url }: Pick<DatabaseTarget, "url">,
  work: (client: PrismaClient) => Promise<Result>,
  queryTimeoutMs: number = cliDefaults.queryTimeoutMs,
): Promise<Result> {
  const adapter = new PrismaPg({
    connectionString: url,
    max: 2,
    connectionTimeoutMillis: cliDefaults.connectTimeoutMs,
    query_timeout: queryTimeoutMs,
    application_name: "omni-box",
  });
  const client = new PrismaClient({ adapter });
  try {
    return await work(client);
  } finally {
    await client.$disconnect();
  }
}

/** Like {@link withDatabase}, after it has made sure that the tables are those that this version needs. */
export function withTables<Result>(
  target: DatabaseTarget,
  work: (client: PrismaClient) => Promise<Result>,
): Promise<Result> {
  return withDatabase(target, async (client) => {
    requireTables(target, await readMigrations(client, target));
    return work(client);
  });
}

function requireTables({ name, schema }: DatabaseTarget, migrations: readonly OmniBoxMigration[]): void {
  const missing = migrations.filter(({ state }) => state === "missing");
  if (missing.length === 0) return;
  const where = schema === undefined ? name : `${name}, schema "${schema}"`;
  const apply = "run omni-box migrate, or prisma migrate deploy where Prisma applies your migrations";
  if (migrations.every(({ state }) => state === "missing")) {
    throw CliFailure.notDone(
      `there are no omni-box tables in ${where}: ${apply}; if they are in another schema, name it with --schema`,
      "STORE.SCHEMA_MISSING",
    );
  }
  throw CliFailure.notDone(
    `the tables in ${where} are those of an earlier version, without ${missing.map((one) => one.name).join(", ")}: ${apply}`,
    "CONFIG.STORE_NOT_READY",
  );
}
