import {
  type Clock,
  describeFailure,
  isOmniBoxError,
  milliseconds,
  objectWith,
  partitionHashVersion,
  systemClock,
  validateOptions,
} from "@omni-box/core";
import { z } from "zod";
import { createStatements } from "../create-statements.js";
import { prismaDefaults } from "../defaults.js";
import { schemaName } from "../postgresql/qualify-table.js";
import type { PrismaTransactionalClientLike } from "../prisma-client-like.js";
import { prismaOutboxOptions } from "../prisma-outbox-options.js";
import { checkBuckets } from "./check-buckets.js";
import { checkClock } from "./check-clock.js";
import { checkConnection } from "./check-connection.js";
import { checkMigrations } from "./check-migrations.js";
import { checkRights } from "./check-rights.js";
import { checkServer } from "./check-server.js";
import { checkTables } from "./check-tables.js";
import { checkTransactions } from "./check-transactions.js";
import { checkDeadRows, checkOpenTransactions } from "./check-vacuum.js";
import type { ExaminedDatabase } from "./examined-database.js";
import { type DoctorFinding, findingsOf } from "./finding.js";

/** Options of {@link examineStore}. */
export interface ExamineStoreOptions {
  /** The schema of the omni-box tables. Default: the connection's search_path decides. */
  readonly schema?: string | undefined;
  /** The `bucketCount` of this service's repositories; default 64. */
  readonly bucketCount?: number | undefined;
  /** A transaction that has been open for longer is reported; default 300,000 ms. */
  readonly longTransactionMs?: number | undefined;
  /** More dead rows in one table are reported; default 100,000. */
  readonly deadRowsMax?: number | undefined;
  /** A greater difference between the clocks of machine and database is reported; default 1,000 ms. */
  readonly clockDifferenceMaxMs?: number | undefined;
  /** The longest wait for the answer to one statement; default 10,000 ms. */
  readonly statementTimeoutMs?: number | undefined;
  readonly clock?: Clock | undefined;
}

const { doctor } = prismaDefaults;

const argumentsSchema = z.strictObject({
  client: objectWith<PrismaTransactionalClientLike>("a Prisma client", "$transaction", "$connect", "$queryRawUnsafe"),
  options: z.strictObject({
    schema: schemaName.optional(),
    bucketCount: prismaOutboxOptions.shape.bucketCount,
    longTransactionMs: milliseconds(0).default(doctor.longTransactionMs),
    deadRowsMax: z.int().min(0).default(doctor.deadRowsMax),
    clockDifferenceMaxMs: milliseconds(0).default(doctor.clockDifferenceMaxMs),
    statementTimeoutMs: prismaOutboxOptions.shape.statementTimeoutMs,
    clock: objectWith<Clock>("a clock", "now", "monotonicMs", "schedule").default(systemClock),
  }),
});

type Check = (database: ExaminedDatabase) => Promise<DoctorFinding | readonly DoctorFinding[]>;

/** By what is looked at, for the finding that it could not be. */
const checks: Readonly<Record<string, Check>> = {
  migrations: checkMigrations,
  tables: checkTables,
  rights: checkRights,
  buckets: checkBuckets,
  transactions: checkTransactions,
  server: checkServer,
  clock: checkClock,
  "open transactions": checkOpenTransactions,
  "dead rows": checkDeadRows,
};

/**
 * Looks at a database and at the client that leads to it, and reports everything at once: what is well too, and what could not be
 * looked at. Changes nothing, and takes no lock that others wait for.
 *
 * @param client - the client that the service uses, with all its extensions
 * @returns the findings in a fixed order; when the database does not answer, or is none, the only one says so
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems; nothing else.
 */
export async function examineStore(
  client: PrismaTransactionalClientLike,
  options: ExamineStoreOptions = {},
): Promise<readonly DoctorFinding[]> {
  const { bucketCount, ...valid } = validateOptions("examineStore", argumentsSchema, { client, options }).options;
  const { statementTimeoutMs: timeoutMs } = valid;
  const { maxUnanswered, unansweredForMs } = prismaDefaults;
  const statements = createStatements(client, { timeoutMs, maxUnanswered, unansweredForMs });
  const database: ExaminedDatabase = {
    ...valid,
    schema: valid.schema,
    client,
    setting: { bucketCount, hashVersion: partitionHashVersion },
    query: (sql, ...values) => statements.query("examine the database", { sql, values }),
  };

  const connection = await attempt("connection", checkConnection, database);
  if (connection.some(({ status }) => status === "problem")) return connection;
  const findings = [...connection];
  // One after the other, so that a pool with one connection is enough.
  for (const [name, check] of Object.entries(checks)) findings.push(...(await attempt(name, check, database)));
  return findings;
}

async function attempt(name: string, check: Check, database: ExaminedDatabase): Promise<readonly DoctorFinding[]> {
  try {
    return [await check(database)].flat();
  } catch (error) {
    const { message } = describeFailure(error);
    return [findingsOf(name).problem(`it could not be looked at: ${message}`, adviceFor(error))];
  }
}

function adviceFor(error: unknown): string {
  if (isOmniBoxError(error, "STORE.SCHEMA_MISSING")) return "run applyOmniBoxMigrations or prisma migrate deploy";
  if (isOmniBoxError(error, "STORE.ACCESS_DENIED")) return "grant the role what it lacks, or correct user and password";
  return "look at the database's log, and whether the connection URL is right";
}
