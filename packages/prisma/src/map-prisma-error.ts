import { type ErrorCode, OmniBoxError } from "@omni-box/core";
import { type DatabaseErrorFacts, readDatabaseError } from "./read-database-error.js";

/** SQLSTATEs that differ from the rest of their class. https://www.postgresql.org/docs/current/errcodes-appendix.html */
const codeBySqlState: Readonly<Record<string, ErrorCode>> = {
  "25006": "STORE.UNREACHABLE", // read-only: the connection leads to a standby
  "25P02": "STORE.TRANSACTION_FAILED",
  "3D000": "STORE.SCHEMA_MISSING",
  "3F000": "STORE.SCHEMA_MISSING",
  "40001": "STORE.CONFLICT",
  "40P01": "STORE.CONFLICT",
  "42501": "STORE.ACCESS_DENIED",
  "42703": "STORE.SCHEMA_MISSING",
  "42P01": "STORE.SCHEMA_MISSING",
  "55P03": "STORE.CONFLICT",
  "57014": "STORE.TIMEOUT",
};

const codeBySqlStateClass: Readonly<Record<string, ErrorCode>> = {
  "08": "STORE.UNREACHABLE",
  "22": "STORE.DATA_ERROR",
  "23": "STORE.DATA_ERROR",
  "28": "STORE.ACCESS_DENIED",
  "53": "STORE.UNREACHABLE", // out of connections, memory or disk space
  "54": "STORE.DATA_ERROR", // larger than the database can take
  "57": "STORE.UNREACHABLE", // shut down or starting up
  "58": "STORE.UNREACHABLE",
};

/** For errors without a SQLSTATE: from the network, and from databases other than PostgreSQL. */
const codeByKind: Readonly<Record<string, ErrorCode>> = {
  AuthenticationFailed: "STORE.ACCESS_DENIED",
  ColumnNotFound: "STORE.SCHEMA_MISSING",
  ConnectionClosed: "STORE.UNREACHABLE",
  DatabaseAccessDenied: "STORE.ACCESS_DENIED",
  DatabaseDoesNotExist: "STORE.SCHEMA_MISSING",
  DatabaseNotReachable: "STORE.UNREACHABLE",
  ForeignKeyConstraintViolation: "STORE.DATA_ERROR",
  InconsistentColumnData: "STORE.DATA_ERROR",
  InvalidInputValue: "STORE.DATA_ERROR",
  LengthMismatch: "STORE.DATA_ERROR",
  NullConstraintViolation: "STORE.DATA_ERROR",
  SocketTimeout: "STORE.UNREACHABLE",
  TableDoesNotExist: "STORE.SCHEMA_MISSING",
  TlsConnectionError: "STORE.UNREACHABLE",
  TooManyConnections: "STORE.UNREACHABLE",
  TransactionWriteConflict: "STORE.CONFLICT",
  UniqueConstraintViolation: "STORE.DATA_ERROR",
  ValueOutOfRange: "STORE.DATA_ERROR",
};

/** For errors that carry nothing but Prisma's own code. https://www.prisma.io/docs/orm/reference/error-reference */
const codeByPrismaCode: Readonly<Record<string, ErrorCode>> = {
  P1000: "STORE.ACCESS_DENIED",
  P1001: "STORE.UNREACHABLE",
  P1002: "STORE.UNREACHABLE",
  P1003: "STORE.SCHEMA_MISSING",
  P1008: "STORE.TIMEOUT",
  P1010: "STORE.ACCESS_DENIED",
  P1011: "STORE.UNREACHABLE",
  P1017: "STORE.UNREACHABLE",
  P2000: "STORE.DATA_ERROR",
  P2002: "STORE.DATA_ERROR",
  P2003: "STORE.DATA_ERROR",
  P2004: "STORE.DATA_ERROR",
  P2011: "STORE.DATA_ERROR",
  P2020: "STORE.DATA_ERROR",
  P2021: "STORE.SCHEMA_MISSING",
  P2022: "STORE.SCHEMA_MISSING",
  P2024: "STORE.UNREACHABLE",
  P2028: "STORE.TIMEOUT",
  P2034: "STORE.CONFLICT",
  P2037: "STORE.UNREACHABLE",
};

const explanations: Partial<Record<ErrorCode, string>> = {
  "STORE.ACCESS_DENIED": "the database refused access: check the role and its rights on the omni-box tables",
  "STORE.CONFLICT": "it collided with another transaction and can be repeated",
  "STORE.DATA_ERROR": "the database refused a value and wrote nothing",
  "STORE.SCHEMA_MISSING":
    "a table or column does not exist: apply the omni-box migrations, and check the schema option and the search_path",
  "STORE.TIMEOUT": "the database did not answer in time; it may have happened",
  "STORE.TRANSACTION_FAILED": "an earlier statement of the transaction failed, so the database refuses all others",
  "STORE.UNREACHABLE": "the database could not be reached, or the connection was lost; it may have happened",
};

/** Names of the one missing thing that no migration brings. */
const missingDatabase: ReadonlySet<string> = new Set(["3D000", "DatabaseDoesNotExist", "P1003"]);
const databaseMissing = "the database that the connection URL names does not exist";

/** For codes that are in no table, such as P0001 of a trigger's `RAISE EXCEPTION`. */
const unknownRefusal = "the database refused the statement; its own log says why";

/**
 * Turns an error of Prisma or its driver into an {@link OmniBoxError}; only what is no error of a database comes back unchanged.
 *
 * The new error is built from SQLSTATE and constraint name alone. Messages, details and causes of the database may hold the
 * values of a row, so none of them is kept.
 *
 * @param purpose - completes "could not …" in the message
 */
export function mapPrismaError(error: unknown, purpose: string): unknown {
  const facts = readDatabaseError(error);
  const code = codeOf(facts);
  if (code !== undefined) return storeError(code, purpose, facts);
  if (nameOf(facts) === undefined) return error;
  // Neither that repeating helps nor that a value is to blame is known, only that the statement's own transaction failed.
  return storeError("STORE.TRANSACTION_FAILED", purpose, facts, unknownRefusal);
}

/**
 * Like {@link mapPrismaError} for a statement inside the application's transaction: only what no repetition can cure is
 * replaced, so that the application's own handling of conflicts and time-outs goes on working.
 */
export function mapPrismaErrorInTransaction(error: unknown, purpose: string): unknown {
  const facts = readDatabaseError(error);
  const code = codeOf(facts);
  const replaced =
    code === "STORE.DATA_ERROR" || code === "STORE.SCHEMA_MISSING" || code === "STORE.ACCESS_DENIED" ? code : undefined;
  return replaced === undefined ? error : storeError(replaced, purpose, facts);
}

function codeOf({ sqlState, kind, prismaCode }: DatabaseErrorFacts): ErrorCode | undefined {
  const bySqlState =
    sqlState?.length === 5 ? (codeBySqlState[sqlState] ?? codeBySqlStateClass[sqlState.slice(0, 2)]) : undefined;
  return bySqlState ?? (kind ? codeByKind[kind] : undefined) ?? (prismaCode ? codeByPrismaCode[prismaCode] : undefined);
}

function nameOf({ sqlState, kind, prismaCode }: DatabaseErrorFacts): string | undefined {
  return sqlState ?? kind ?? prismaCode;
}

function storeError(
  code: ErrorCode,
  purpose: string,
  facts: DatabaseErrorFacts,
  explanation = missingDatabase.has(nameOf(facts) ?? "") ? databaseMissing : explanations[code],
): OmniBoxError {
  const { sqlState, kind, prismaCode, constraint } = facts;
  const known = { sqlState, kind, prismaCode, constraint };
  const meta = Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined));
  const name = nameOf(facts);
  const where = constraint === undefined ? name : `${name}, constraint ${constraint}`;
  return new OmniBoxError(code, `could not ${purpose}: ${explanation} (${where})`, { meta });
}
