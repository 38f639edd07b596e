import { qualifyTable } from "../postgresql/qualify-table.js";
import { readShippedMigrations } from "../shipped-migrations.js";
import type { ExaminedDatabase } from "./examined-database.js";
import { type DoctorFinding, findingsOf } from "./finding.js";

/** Compares the recorded migrations with those of this version. */
export async function checkMigrations({ query, schema }: ExaminedDatabase): Promise<readonly DoctorFinding[]> {
  const findings = findingsOf("migrations");
  const rows = await query<{ name: string; checksum: string | null }>(
    `SELECT name, checksum FROM ${qualifyTable(schema, "omni_box_migration")} ORDER BY applied_at, name`,
  );
  const recorded = new Map(rows.map(({ name, checksum }) => [name, checksum]));
  const shipped = await readShippedMigrations();
  const missing = shipped.filter(({ name }) => !recorded.has(name)).map(({ name }) => name);
  const changed = shipped.filter(({ name, checksum }) => (recorded.get(name) ?? checksum) !== checksum);
  const known = new Set(shipped.map(({ name }) => name));
  const later = [...recorded.keys()].filter((name) => !known.has(name));
  const wrong = [
    ...(missing.length === 0
      ? []
      : [
          findings.problem(`not applied: ${missing.join(", ")}`, "run applyOmniBoxMigrations or prisma migrate deploy"),
        ]),
    ...changed.map(({ name }) =>
      findings.problem(
        `${name} is not the migration that was applied`,
        "install the package anew, and make changes of your own in a migration of your own",
      ),
    ),
    ...(later.length === 0
      ? []
      : [
          findings.warning(
            `applied by a later version of omni-box: ${later.join(", ")}`,
            "go on with the upgrade of this service; until then it works as before",
          ),
        ]),
  ];
  return wrong.length === 0 ? [findings.ok(`all ${shipped.length} of this version are applied`)] : wrong;
}
