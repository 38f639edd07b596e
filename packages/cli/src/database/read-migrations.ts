import { isOmniBoxError } from "@omni-box/core";
import { type OmniBoxMigration, type PrismaClientLike, readOmniBoxMigrations } from "@omni-box/prisma";
import { CliFailure } from "../cli-failure.js";
import type { DatabaseTarget } from "./database-target.js";

/**
 * Reads which migrations the database has. Every command begins with it, so it is the one that says why a database cannot be used.
 *
 * @throws {CliFailure} when the database does not answer or lets nobody in.
 */
export async function readMigrations(
  client: PrismaClientLike,
  { name, schema }: DatabaseTarget,
): Promise<readonly OmniBoxMigration[]> {
  try {
    return await readOmniBoxMigrations(client, { schema });
  } catch (error) {
    // Nothing was written yet, so nothing may have happened, whatever the code says in general.
    if (isOmniBoxError(error, "STORE.UNREACHABLE") || isOmniBoxError(error, "STORE.TIMEOUT")) {
      const advice = "check that the server runs, and host and port in --database-url or DATABASE_URL";
      throw CliFailure.notDone(`the database ${name} cannot be reached: ${advice}`, error.code, error);
    }
    if (isOmniBoxError(error, "STORE.ACCESS_DENIED")) {
      const advice = "check user and password of the URL, and the role's rights on schema and tables";
      throw CliFailure.notDone(`the database ${name} refused access: ${advice}`, error.code, error);
    }
    if (isOmniBoxError(error, "STORE.SCHEMA_MISSING") && error.meta.sqlState === "3D000") {
      const advice = "create it, or correct its name in --database-url or DATABASE_URL";
      throw CliFailure.notDone(`the database ${name} does not exist: ${advice}`, error.code, error);
    }
    throw error;
  }
}
