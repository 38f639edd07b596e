import type { DatabaseTarget } from "../database/database-target.js";
import { readMigrations } from "../database/read-migrations.js";
import { withDatabase } from "../database/with-database.js";
import { describeFailureLine } from "../describe-failure-line.js";
import type { Finding } from "./finding.js";

/** Looks at the database and at the tables in it. A database that does not answer is a finding too. */
export async function checkDatabase(target: DatabaseTarget): Promise<readonly Finding[]> {
  try {
    return await withDatabase(target, async (client) => {
      const migrations = await readMigrations(client, target);
      const missing = migrations.filter(({ state }) => state === "missing").map(({ name }) => name);
      return [
        { name: "connection", status: "ok", found: `${target.name} answers`, advice: null },
        missing.length === 0
          ? { name: "migrations", status: "ok", found: `all ${migrations.length} are applied`, advice: null }
          : {
              name: "migrations",
              status: "problem",
              found: `not applied: ${missing.join(", ")}`,
              advice: "run omni-box migrate or prisma migrate deploy, or name the right schema by --schema",
            },
      ];
    });
  } catch (error) {
    const { message } = describeFailureLine(error);
    return [
      {
        name: "connection",
        status: "problem",
        found: `${target.name}: ${message}`,
        advice: "make the database answer first",
      },
    ];
  }
}
