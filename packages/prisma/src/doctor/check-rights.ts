import { type ExaminedDatabase, inSchema } from "./examined-database.js";
import { type DoctorFinding, findingsOf } from "./finding.js";
import { tableNames } from "./read-tables.js";

interface TableRights {
  readonly name: string;
  readonly lacking: readonly string[];
}

/** Beyond SELECT, which everything needs. */
const rightsOf: Readonly<Record<string, readonly string[]>> = {
  omni_box_migration: [],
  outbox_setting: [],
  inbox_bucket: ["INSERT", "UPDATE"],
  outbox_bucket: ["UPDATE"],
  inbox_sequence: ["INSERT", "UPDATE"],
};
const allRights = ["INSERT", "UPDATE", "DELETE"];

/** Looks for rights that the role lacks. Not every service needs all of them. */
export async function checkRights({ query, schema }: ExaminedDatabase): Promise<readonly DoctorFinding[]> {
  const findings = findingsOf("rights");
  const wanted = tableNames.map((name) => ({ name, rights: ["SELECT", ...(rightsOf[name] ?? allRights)] }));
  const tables = await query<TableRights>(
    `SELECT wanted.name,
            array(SELECT needed.name FROM jsonb_array_elements_text(wanted.rights) AS needed (name)
                  WHERE NOT (has_schema_privilege(namespace.oid, 'USAGE') AND has_table_privilege(class.oid, needed.name))) AS lacking
     FROM jsonb_to_recordset($1::jsonb) AS wanted (name text, rights jsonb)
     JOIN pg_catalog.pg_class AS class ON class.relname = wanted.name AND class.relkind IN ('r', 'p')
     JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace AND ${inSchema("$2")}
     ORDER BY wanted.name`,
    JSON.stringify(wanted),
    schema ?? null,
  );
  // Of no tables at all it would be true that the role may do everything; that they are missing is said elsewhere.
  if (tables.length === 0) return [];
  const lacking = tables.filter((table) => table.lacking.length > 0);
  if (lacking.length === 0) return [findings.ok("the role may do everything that omni-box does")];
  return lacking.map((table) => {
    const found = `the role has no right to ${table.lacking.join(", ")} on ${table.name}`;
    const advice = `grant it; a service that only adds events needs no more than SELECT and INSERT on outbox_event, and SELECT on outbox_setting`;
    return table.lacking.includes("SELECT") ? findings.problem(found, advice) : findings.warning(found, advice);
  });
}
