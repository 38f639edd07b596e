import { type ExaminedDatabase, inSchema } from "./examined-database.js";
import { type DoctorFinding, findingsOf } from "./finding.js";
import { tableNames } from "./read-tables.js";

interface ServerSettings {
  readonly autovacuum: string;
  readonly track_counts: string;
  readonly fsync: string;
  readonly full_page_writes: string;
  readonly synchronous_commit: string;
}

/** Looks at the server's settings on which the tables' speed and the durability of events depend. */
export async function checkServer(database: ExaminedDatabase): Promise<readonly DoctorFinding[]> {
  const [settings] = await database.query<ServerSettings>(`
    SELECT current_setting('autovacuum') AS autovacuum, current_setting('track_counts') AS track_counts,
           current_setting('fsync') AS fsync, current_setting('full_page_writes') AS full_page_writes,
           current_setting('synchronous_commit') AS synchronous_commit`);
  if (settings === undefined) return [];
  return [...(await autovacuum(settings, database)), ...durability(settings)];
}

async function autovacuum(
  { autovacuum, track_counts }: ServerSettings,
  { query, schema }: ExaminedDatabase,
): Promise<readonly DoctorFinding[]> {
  const findings = findingsOf("autovacuum");
  const advice = "a queue's tables are rewritten all the time and become slow without it: switch it on";
  const switchedOff = await query<{ name: string }>(
    `SELECT class.relname::text AS name
     FROM pg_catalog.pg_class AS class
     JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
     WHERE class.relname = ANY ($1::text[]) AND ${inSchema("$2")}
       AND EXISTS (SELECT FROM unnest(class.reloptions) AS setting (text)
                   WHERE setting.text IN ('autovacuum_enabled=false', 'autovacuum_enabled=off', 'autovacuum_enabled=0', 'autovacuum_enabled=no'))
     ORDER BY 1`,
    tableNames,
    schema ?? null,
  );
  const off = Object.entries({ autovacuum, track_counts }).filter(([, value]) => value !== "on");
  const problems = [
    ...off.map(([name]) => findings.problem(`${name} is off on this server`, advice)),
    ...switchedOff.map(({ name }) => findings.problem(`it is switched off for ${name}`, advice)),
  ];
  return problems.length === 0 ? [findings.ok("it is on")] : problems;
}

function durability(settings: ServerSettings): readonly DoctorFinding[] {
  const findings = findingsOf("durability");
  const { fsync, full_page_writes, synchronous_commit } = settings;
  const wrong = [
    ...(fsync === "on"
      ? []
      : [findings.problem("fsync is off: a crash of the machine may destroy the database", "switch it on")]),
    ...(full_page_writes === "on"
      ? []
      : [findings.problem("full_page_writes is off: a crash of the machine may destroy tables", "switch it on")]),
    ...(synchronous_commit !== "off"
      ? []
      : [
          findings.problem(
            "synchronous_commit is off: a crash of the server loses events whose commit was reported",
            "switch it on, at least for the role of this service",
          ),
        ]),
  ];
  return wrong.length === 0 ? [findings.ok("commits are on disk before they are reported")] : wrong;
}
