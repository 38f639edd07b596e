import { qualifyTable } from "../postgresql/qualify-table.js";
import { findBucketMismatch } from "../postgresql/verify-postgresql-store.js";
import { describeSettingMismatch } from "../store-not-ready.js";
import type { ExaminedDatabase } from "./examined-database.js";
import { type DoctorFinding, findingsOf } from "./finding.js";

/** Compares the number of buckets and the version of the hash that were recorded with those of this service, and looks for buckets without a row. */
export async function checkBuckets(database: ExaminedDatabase): Promise<readonly DoctorFinding[]> {
  const { query, schema, setting } = database;
  const findings = findingsOf("buckets");
  const advice =
    "all producers and workers of a database have to agree; see the documentation on changing the bucket count";
  const [row] = await query<{ bucket_count: number; hash_version: number }>(
    `SELECT bucket_count, hash_version FROM ${qualifyTable(schema, "outbox_setting")} WHERE id = 1`,
  );
  const recorded = row && { bucketCount: row.bucket_count, hashVersion: row.hash_version };
  const mismatch = describeSettingMismatch(setting, recorded);
  const wrong = await findBucketMismatch(
    { schema, query: (statement) => query(statement.sql, ...statement.values) },
    { bucket: "outbox_bucket", event: "outbox_event" },
  );
  const problems = [...(mismatch === null ? [] : [mismatch]), ...wrong].map((each) => findings.problem(each, advice));
  if (problems.length > 0) return problems;
  return [findings.ok(`${setting.bucketCount}, with version ${setting.hashVersion} of the hash`)];
}
