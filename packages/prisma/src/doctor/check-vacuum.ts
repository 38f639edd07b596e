import { type ExaminedDatabase, inSchema } from "./examined-database.js";
import { type DoctorFinding, findingsOf } from "./finding.js";
import { tableNames } from "./read-tables.js";

interface OldTransaction {
  readonly what: string;
  readonly ageMs: number;
}

/** Looks for what keeps dead rows from being removed. */
export async function checkOpenTransactions(database: ExaminedDatabase): Promise<readonly DoctorFinding[]> {
  const { query, longTransactionMs } = database;
  const findings = findingsOf("open transactions");
  const [sight] = await query<{ all: boolean }>(
    `SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS "all"`,
  );
  const old = await query<OldTransaction>(
    `WITH limits AS (SELECT statement_timestamp() - $1::double precision * interval '1 millisecond' AS oldest)
     SELECT 'process ' || activity.pid || coalesce(' of ' || nullif(activity.application_name, ''), '')
              || ', ' || coalesce(activity.state, 'in an unknown state') AS what,
            (extract(epoch FROM statement_timestamp() - activity.xact_start) * 1000)::double precision AS "ageMs"
     FROM pg_catalog.pg_stat_activity AS activity, limits
     WHERE activity.datname = current_database() AND activity.xact_start < limits.oldest
       AND activity.backend_type = 'client backend'
     UNION ALL
     SELECT 'prepared transaction ' || prepared.gid,
            (extract(epoch FROM statement_timestamp() - prepared.prepared) * 1000)::double precision
     FROM pg_catalog.pg_prepared_xacts AS prepared, limits
     WHERE prepared.database = current_database() AND prepared.prepared < limits.oldest
     ORDER BY 2 DESC
     LIMIT 5`,
    longTransactionMs,
  );
  const slots = await query<{ name: string }>(
    "SELECT slot_name::text AS name FROM pg_catalog.pg_replication_slots WHERE NOT active AND xmin IS NOT NULL ORDER BY 1",
  );
  const problems = [
    ...old.map(({ what, ageMs }) =>
      findings.warning(
        `a transaction has been open for ${Math.round(ageMs / 1_000)} s: ${what}`,
        "while it is open no dead row can be removed, and the tables grow and become slow: end it, and set idle_in_transaction_session_timeout",
      ),
    ),
    ...slots.map(({ name }) =>
      findings.warning(
        `the replication slot ${name} is not in use and keeps dead rows from being removed`,
        "start its standby, or drop it",
      ),
    ),
  ];
  if (problems.length > 0) return problems;
  const seen = sight?.all === true ? "" : "; those of other roles cannot be seen without the role pg_read_all_stats";
  return [findings.ok(`none is older than ${Math.round(longTransactionMs / 1_000)} s${seen}`)];
}

interface DeadRows {
  readonly name: string;
  readonly dead: number;
  readonly vacuumed: string | null;
}

/** Counts dead rows, as the server estimates them. */
export async function checkDeadRows(database: ExaminedDatabase): Promise<readonly DoctorFinding[]> {
  const { query, schema, deadRowsMax } = database;
  const findings = findingsOf("dead rows");
  const tables = await query<DeadRows>(
    `SELECT class.relname::text AS name, coalesce(pg_stat_get_dead_tuples(class.oid), 0)::double precision AS dead,
            greatest(pg_stat_get_last_autovacuum_time(class.oid), pg_stat_get_last_vacuum_time(class.oid))::timestamptz(0)::text AS vacuumed
     FROM pg_catalog.pg_class AS class
     JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
     WHERE class.relname = ANY ($1::text[]) AND class.relkind = 'r' AND ${inSchema("$2")}
     ORDER BY 1`,
    tableNames,
    schema ?? null,
  );
  const many = tables.filter(({ dead }) => dead > deadRowsMax);
  if (many.length === 0) {
    const most = Math.max(0, ...tables.map(({ dead }) => dead));
    return [findings.ok(`${most} at most in a table`)];
  }
  return many.map(({ name, dead, vacuumed }) =>
    findings.warning(
      `${name} has about ${dead}, and was vacuumed ${vacuumed === null ? "never" : `last at ${vacuumed}`}`,
      "look for open transactions and at autovacuum; VACUUM removes them when nothing holds them",
    ),
  );
}
