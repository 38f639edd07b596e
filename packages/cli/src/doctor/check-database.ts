import { type DoctorFinding, examineStore } from "@omni-box/prisma";
import type { DatabaseTarget } from "../database/database-target.js";
import { withDatabase } from "../database/with-database.js";

/** Looks at the database and at the tables in it. A database that does not answer is a finding too. */
export function checkDatabase(
  target: DatabaseTarget,
  bucketCount: number | undefined,
): Promise<readonly DoctorFinding[]> {
  return withDatabase(target, (client) => examineStore(client, { schema: target.schema, bucketCount }));
}
