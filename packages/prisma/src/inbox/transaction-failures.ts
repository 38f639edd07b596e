import { type ErrorCode, isOmniBoxError, OmniBoxError } from "@omni-box/core";
import { mapPrismaError } from "../map-prisma-error.js";
import { readDatabaseError } from "../read-database-error.js";

const transactionApi = "P2028";
const lockNotAvailable = "55P03";
const transactionIsAborted = "25P02";

/** What a statement of ours failed with. */
export function statementFailure(error: unknown, purpose: string, timeoutMs: number): unknown {
  const { prismaCode, sqlState } = readDatabaseError(error);
  if (prismaCode === transactionApi) return handlerTimeout(timeoutMs);
  if (sqlState === transactionIsAborted) return aborted();
  return mapPrismaError(error, purpose);
}

/** What kept a transaction from beginning. */
export function beginFailure(error: unknown, maxWaitMs: number): unknown {
  if (readDatabaseError(error).prismaCode !== transactionApi) return mapPrismaError(error, "begin a transaction");
  return new OmniBoxError(
    "STORE.TIMEOUT",
    `could not begin a transaction: no connection of the pool was free within ${maxWaitMs} ms; nothing happened. ` +
      "Give the pool at least as many as consumer and processor have concurrency together, and 5 more",
    { meta: { maxWaitMs } },
  );
}

/** What the commit failed with; constraints that are checked only then among it. */
export function commitFailure(error: unknown, timeoutMs: number): unknown {
  if (readDatabaseError(error).prismaCode === transactionApi) return handlerTimeout(timeoutMs);
  const mapped = mapPrismaError(error, "commit a transaction");
  return isTransient(mapped) ? mapped : discreet(error, mapped);
}

/**
 * What a handler failed with: its own error, unless the database is the reason.
 *
 * @param isAlive - asks the transaction's connection, which is alive also when the transaction is aborted. A handler may talk
 *   to other services, whose lost connections look alike, and the server reports what a statement lacks in the same words.
 */
export async function handlerFailure(
  error: unknown,
  timeoutMs: number,
  isAlive: () => Promise<boolean>,
): Promise<unknown> {
  // Codes are given on purpose: by our own statements, by the outbox, or by the handler itself.
  if (isOmniBoxError(error)) return error;
  const { prismaCode, sqlState } = readDatabaseError(error);
  if (sqlState === transactionIsAborted) return aborted();
  // Also the code of another transaction that the handler wanted to begin, for which ours is still good.
  if (prismaCode === transactionApi) return (await isAlive()) ? error : handlerTimeout(timeoutMs);
  const mapped = mapPrismaError(error, "run the statements of a handler");
  if (isOmniBoxError(mapped, "STORE.CONFLICT")) return sqlState === lockNotAvailable ? error : mapped;
  if (isOmniBoxError(mapped, "STORE.UNREACHABLE") && !(await isAlive())) return mapped;
  // Here too while the connection is alive: a full temp_file_limit, say, or a foreign server that the statement asked.
  return discreet(error, mapped);
}

/** An error of Prisma itself, without its words, which may show values of a row. What the handler has made is left as it is. */
function discreet(error: unknown, mapped: unknown): unknown {
  const name: unknown = typeof error === "object" && error !== null ? Reflect.get(error, "name") : undefined;
  const isOfPrisma = typeof name === "string" && /^(PrismaClient|DriverAdapterError$)/.test(name);
  return isOfPrisma && isOmniBoxError(mapped) ? statementFailed(mapped) : error;
}

function statementFailed({ meta }: OmniBoxError): OmniBoxError {
  const { prismaCode, sqlState, kind, constraint } = meta;
  // P2010 says only that it was a raw statement.
  const known = [prismaCode === "P2010" ? sqlState : prismaCode, sqlState, kind].find(
    (name) => typeof name === "string",
  );
  const where = constraint === undefined ? known : `${known}, constraint ${constraint}`;
  return new OmniBoxError(
    "INBOX.STATEMENT_FAILED",
    `a statement of the handler was refused by the database (${where})`,
    {
      meta,
    },
  );
}

/** The transaction outlived its time and is rolled back. */
export function handlerTimeout(timeoutMs: number): OmniBoxError {
  return new OmniBoxError(
    "INBOX.HANDLER_TIMEOUT",
    `the transaction took longer than ${timeoutMs} ms and was rolled back: make the handler faster or give it more time`,
    { meta: { timeoutMs } },
  );
}

/** The database has not answered in the time that a transaction may take, and then some. */
export function unanswered(timeoutMs: number): OmniBoxError {
  return new OmniBoxError(
    "STORE.TIMEOUT",
    "the database did not answer a statement that begins, uses or ends a transaction of at most " +
      `${timeoutMs} ms; the commit may have happened`,
    { meta: { timeoutMs } },
  );
}

/** The transaction was given up by the database before its end. */
export function aborted(): OmniBoxError {
  return new OmniBoxError(
    "INBOX.TRANSACTION_ABORTED",
    "a statement of the transaction had failed and the handler went on, so that nothing could be committed: let the " +
      "error out of the handler, or run what may fail in a nested tx.$transaction",
  );
}

function isTransient(error: unknown): boolean {
  const codes: readonly ErrorCode[] = ["STORE.CONFLICT", "STORE.TIMEOUT", "STORE.UNREACHABLE"];
  return codes.some((code) => isOmniBoxError(error, code));
}
