import { isOmniBoxError } from "@omni-box/core";
import { describe, expect, it } from "vitest";
import { mapPrismaError, mapPrismaErrorInTransaction } from "./map-prisma-error.js";

const secret = "4111-1111-1111-1111";

/** A failed raw statement as Prisma reports it. */
function rawError(cause: object): Error {
  const error = new Error(`\nInvalid \`prisma.$queryRawUnsafe()\` invocation:\n\n\nRaw query failed. ${secret}`);
  return Object.assign(error, { code: "P2010", meta: { driverAdapterError: { name: "DriverAdapterError", cause } } });
}

/** A failed model operation as Prisma reports it. */
function modelError(code: string, cause?: object): Error {
  return Object.assign(new Error(`Invalid \`prisma.outboxEvent.create()\` invocation ${secret}`), {
    code,
    meta: cause === undefined ? {} : { modelName: "OutboxEvent", driverAdapterError: { cause } },
  });
}

/** What a failed COMMIT rejects with. */
function adapterError(cause: object): Error {
  const error = new Error("TransactionWriteConflict");
  error.name = "DriverAdapterError";
  error.cause = cause;
  return error;
}

function postgres(originalCode: string): Error {
  return rawError({ kind: "postgres", originalCode, message: secret, detail: `Failing row contains (${secret})` });
}

function named(name: string, message: string): Error {
  const error = new Error(message);
  error.name = name;
  return error;
}

describe("mapPrismaError", () => {
  it.each([
    ["23505, raw", rawError({ kind: "UniqueConstraintViolation", originalCode: "23505" }), "STORE.DATA_ERROR"],
    [
      "23505, model",
      modelError("P2002", { kind: "UniqueConstraintViolation", originalCode: "23505" }),
      "STORE.DATA_ERROR",
    ],
    ["23502", rawError({ kind: "NullConstraintViolation", originalCode: "23502" }), "STORE.DATA_ERROR"],
    ["23514, raw", postgres("23514"), "STORE.DATA_ERROR"],
    ["23514, model", modelError("P2039", { kind: "postgres", originalCode: "23514" }), "STORE.DATA_ERROR"],
    ["22P05", postgres("22P05"), "STORE.DATA_ERROR"],
    ["54000", postgres("54000"), "STORE.DATA_ERROR"],
    ["arguments that Prisma refuses", named("PrismaClientValidationError", secret), "STORE.DATA_ERROR"],
    ["40001, raw", rawError({ kind: "TransactionWriteConflict", originalCode: "40001" }), "STORE.CONFLICT"],
    [
      "40P01, model",
      modelError("P2034", { kind: "TransactionWriteConflict", originalCode: "40P01" }),
      "STORE.CONFLICT",
    ],
    ["40001 at COMMIT", adapterError({ kind: "TransactionWriteConflict", originalCode: "40001" }), "STORE.CONFLICT"],
    ["P2034 alone", modelError("P2034"), "STORE.CONFLICT"],
    ["55P03", postgres("55P03"), "STORE.CONFLICT"],
    ["a conflict of MariaDB", rawError({ kind: "TransactionWriteConflict", originalCode: "1213" }), "STORE.CONFLICT"],
    ["57014", postgres("57014"), "STORE.TIMEOUT"],
    ["P2028 of a transaction", modelError("P2028"), "STORE.TIMEOUT"],
    ["42P01, raw", rawError({ kind: "TableDoesNotExist", originalCode: "42P01" }), "STORE.SCHEMA_MISSING"],
    ["42P01, model", modelError("P2021", { kind: "TableDoesNotExist", originalCode: "42P01" }), "STORE.SCHEMA_MISSING"],
    ["42703", rawError({ kind: "ColumnNotFound", originalCode: "42703" }), "STORE.SCHEMA_MISSING"],
    ["3D000", rawError({ kind: "DatabaseDoesNotExist", originalCode: "3D000" }), "STORE.SCHEMA_MISSING"],
    ["a missing table of SQLite", modelError("P2021", { kind: "TableDoesNotExist" }), "STORE.SCHEMA_MISSING"],
    ["42501", postgres("42501"), "STORE.ACCESS_DENIED"],
    ["28000", rawError({ kind: "AuthenticationFailed", originalCode: "28000" }), "STORE.ACCESS_DENIED"],
    ["25006 on a standby", postgres("25006"), "STORE.UNREACHABLE"],
    ["25P02", postgres("25P02"), "STORE.TRANSACTION_FAILED"],
    ["ECONNREFUSED, raw", rawError({ kind: "DatabaseNotReachable" }), "STORE.UNREACHABLE"],
    ["ECONNREFUSED, model", modelError("P1001", { kind: "DatabaseNotReachable" }), "STORE.UNREACHABLE"],
    ["P1001 as errorCode", Object.assign(new Error("no"), { errorCode: "P1001" }), "STORE.UNREACHABLE"],
    ["57P01", postgres("57P01"), "STORE.UNREACHABLE"],
    ["53300", rawError({ kind: "TooManyConnections", originalCode: "53300" }), "STORE.UNREACHABLE"],
    ["a reset connection", rawError({ kind: "ConnectionClosed" }), "STORE.UNREACHABLE"],
    ["a lost COMMIT", adapterError({ kind: "ConnectionClosed" }), "STORE.UNREACHABLE"],
    ["a socket that is not there", new Error("connect ENOENT /run/postgresql/.s.PGSQL.5432"), "STORE.UNREACHABLE"],
    ["a closed connection", new Error("Connection terminated unexpectedly"), "STORE.UNREACHABLE"],
    [
      "a connection that died between queries",
      new Error("Client has encountered a connection error and is not queryable"),
      "STORE.UNREACHABLE",
    ],
    ["an exhausted pool", new Error("timeout exceeded when trying to connect"), "STORE.UNREACHABLE"],
    ["the driver's query_timeout", new Error("Query read timeout"), "STORE.UNREACHABLE"],
    ["an error underneath another", new Error("outer", { cause: postgres("57P01") }), "STORE.UNREACHABLE"],
  ] as const)("recognises %s", (_name, error, code) => {
    const mapped = mapPrismaError(error, "claim events");
    expect(mapped).toMatchObject({ code });
    expect(isOmniBoxError(mapped)).toBe(true);
  });

  it("names the constraint and nothing else of the database's words", () => {
    const fromIndex = rawError({
      kind: "UniqueConstraintViolation",
      originalCode: "23505",
      constraint: { index: "outbox_event_id_key" },
    });
    const fromText = rawError({
      kind: "postgres",
      originalCode: "23514",
      message: `new row for relation "outbox_event" violates check constraint "outbox_event_bucket_check" ${secret}`,
      detail: `Failing row contains (${secret})`,
    });
    for (const [error, constraint] of [
      [fromIndex, "outbox_event_id_key"],
      [fromText, "outbox_event_bucket_check"],
    ] as const) {
      const mapped = mapPrismaError(error, "record failed events") as Error & { meta: object };
      expect(mapped.message).toContain(constraint);
      expect(mapped.meta).toMatchObject({ constraint });
      expect(JSON.stringify([mapped.message, mapped.meta, mapped.cause])).not.toContain(secret);
    }
  });

  it.each([
    ["a trigger's own error", postgres("P0001"), { sqlState: "P0001" }],
    ["a syntax error", postgres("42601"), { sqlState: "42601" }],
    ["a kind of error that is new", rawError({ kind: "Novelty" }), { kind: "Novelty" }],
    ["a code of Prisma that is not listed", modelError("P2999"), { prismaCode: "P2999" }],
    ["an error that Prisma could not name", named("PrismaClientUnknownRequestError", secret), {}],
  ])("makes an error of its own of %s, without the database's words", (_name, error, facts) => {
    const mapped = mapPrismaError(error, "record pending events") as Error & { meta: object };
    expect(mapped).toMatchObject({ code: "STORE.TRANSACTION_FAILED", meta: facts });
    expect(mapped.message).toContain("could not record pending events: the database refused the statement");
    expect(JSON.stringify([mapped.message, mapped.meta, mapped.cause])).not.toContain(secret);
  });

  it.each([
    ["an error that is not the database's", new TypeError("x is not a function")],
    ["a thrown string", "no"],
    ["nothing", undefined],
  ])("gives %s back unchanged", (_name, error) => {
    expect(mapPrismaError(error, "claim events")).toBe(error);
  });

  it("ends on an error that is its own cause", () => {
    const error = new Error("round");
    error.cause = error;
    expect(mapPrismaError(error, "claim events")).toBe(error);
  });
});

describe("mapPrismaErrorInTransaction", () => {
  it.each(["40001", "40P01", "55P03", "57014", "57P01", "25P02", "P0001"])(
    "leaves %s to the application",
    (sqlState) => {
      const error = postgres(sqlState);
      expect(mapPrismaErrorInTransaction(error, "add events")).toBe(error);
    },
  );

  it.each([
    ["42P01", "STORE.SCHEMA_MISSING"],
    ["42501", "STORE.ACCESS_DENIED"],
    ["23514", "STORE.DATA_ERROR"],
  ] as const)("replaces %s, which no repetition cures", (sqlState, code) => {
    expect(mapPrismaErrorInTransaction(postgres(sqlState), "add events")).toMatchObject({ code });
  });

  it("does not send someone with a wrong database name to the migrations", () => {
    const error = rawError({ kind: "DatabaseDoesNotExist", originalCode: "3D000" });
    expect(mapPrismaError(error, "claim events")).toMatchObject({
      message: expect.stringContaining("the database that the connection URL names does not exist (3D000)"),
    });
  });
});
