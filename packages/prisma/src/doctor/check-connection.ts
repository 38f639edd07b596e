import { isOmniBoxError } from "@omni-box/core";
import type { ExaminedDatabase } from "./examined-database.js";
import { type DoctorFinding, findingsOf } from "./finding.js";

interface ConnectionFacts {
  readonly version: string;
  readonly number: number;
  readonly role: string;
  readonly database: string;
  readonly is_standby: boolean;
  readonly is_read_only: boolean;
}

const oldestVersion = 130_000;

/** Looks at what the client is connected to. Nothing else can be looked at unless it is PostgreSQL; rejects when there is no answer. */
export async function checkConnection({ query }: ExaminedDatabase): Promise<DoctorFinding> {
  const findings = findingsOf("connection");
  let facts: ConnectionFacts | undefined;
  try {
    [facts] = await query<ConnectionFacts>(`
      SELECT version() AS version, current_setting('server_version_num')::integer AS number,
             current_user::text AS role, current_database()::text AS database,
             pg_is_in_recovery() AS is_standby, current_setting('transaction_read_only') = 'on' AS is_read_only`);
  } catch (error) {
    if (isOmniBoxError(error, "STORE.SCHEMA_MISSING") && error.meta.sqlState === "3D000") {
      return findings.problem(
        "the database that the connection URL names does not exist",
        "create it, or correct the connection URL",
      );
    }
    // An outage says nothing about the kind of database; a refused statement does.
    if (!isOmniBoxError(error, "STORE.TRANSACTION_FAILED") && !isOmniBoxError(error, "STORE.SCHEMA_MISSING"))
      throw error;
  }
  if (!facts?.version.startsWith("PostgreSQL ")) {
    return findings.problem(
      "the client is connected to a database that is not PostgreSQL",
      "correct the connection URL",
    );
  }
  const { number, role, database } = facts;
  const found = `${facts.version.split(" ", 2).join(" ")}, database ${database}, role ${role}`;
  if (facts.is_standby || facts.is_read_only) {
    const kind = facts.is_standby ? "a standby" : "read-only";
    return findings.problem(
      `${found}: it is ${kind}, and takes no writes`,
      "connect to the primary, without read-only transactions",
    );
  }
  if (number < oldestVersion) return findings.problem(`${found}: it is too old`, "upgrade to PostgreSQL 15 or later");
  return findings.ok(found);
}
