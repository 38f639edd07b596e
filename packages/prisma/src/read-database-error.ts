/** What can be known of a failed database call without copying its message, which may hold values of a row. */
export interface DatabaseErrorFacts {
  /** Five characters from PostgreSQL, the vendor's number from other databases. */
  readonly sqlState?: string | undefined;
  /** The driver adapter's own word, the same for every database. */
  readonly kind?: string | undefined;
  /** Prisma's `P2002` and the like. */
  readonly prismaCode?: string | undefined;
  readonly constraint?: string | undefined;
}

interface ErrorLike {
  readonly name?: unknown;
  readonly message?: unknown;
  readonly code?: unknown;
  readonly errorCode?: unknown;
  readonly cause?: unknown;
  readonly meta?: { readonly driverAdapterError?: { readonly cause?: DriverCause } };
}

interface DriverCause {
  readonly kind?: unknown;
  readonly originalCode?: unknown;
  readonly constraint?: unknown;
  readonly message?: unknown;
  readonly originalMessage?: unknown;
}

/** Texts of the driver for connections that went away; it throws these as plain errors, and the SQLSTATE is lost. */
const connectionLost =
  /Connection terminated|not queryable|timeout exceeded when trying to connect|Query read timeout|after calling end|ECONN|EPIPE|ETIMEDOUT|connect (?:ENOENT|EACCES)/;
const connectionFailure = "08006";
/** What Prisma calls an error for which it has no code; its text may be the database's. */
const namelessErrors = new Set([
  "PrismaClientUnknownRequestError",
  "PrismaClientInitializationError",
  "PrismaClientRustPanicError",
]);
const maxDepth = 5;

/**
 * Reads what the layers of Prisma, driver adapter and driver say of an error; empty when it is none of the database's.
 *
 * The same failure arrives as a PrismaClientKnownRequestError, a DriverAdapterError (from COMMIT) or a plain Error (from a
 * dead connection). All are recognised by their shape, because an application may hold several copies of these packages.
 */
export function readDatabaseError(error: unknown): DatabaseErrorFacts {
  let current = error;
  for (let depth = 0; depth < maxDepth && typeof current === "object" && current !== null; depth += 1) {
    const facts = readLayer(current as ErrorLike);
    if (facts !== null) return facts;
    current = (current as ErrorLike).cause;
  }
  return {};
}

function readLayer(error: ErrorLike): DatabaseErrorFacts | null {
  const prismaCode = prismaCodeOf(error);
  const cause =
    error.meta?.driverAdapterError?.cause ??
    (error.name === "DriverAdapterError" ? (error.cause as DriverCause | undefined) : undefined);
  if (cause !== undefined) {
    return {
      sqlState: stringOrUndefined(cause.originalCode),
      kind: stringOrUndefined(cause.kind),
      prismaCode,
      constraint: constraintOf(cause),
    };
  }
  if (prismaCode !== undefined) return { prismaCode };
  if (error.name === "PrismaClientValidationError") return { kind: "InvalidInputValue" };
  if (typeof error.message === "string" && connectionLost.test(error.message)) return { sqlState: connectionFailure };
  if (typeof error.name === "string" && namelessErrors.has(error.name)) return { kind: error.name };
  return null;
}

function prismaCodeOf({ code, errorCode }: ErrorLike): string | undefined {
  const candidate = stringOrUndefined(code) ?? stringOrUndefined(errorCode);
  return candidate !== undefined && /^P\d{4}$/.test(candidate) ? candidate : undefined;
}

/** PostgreSQL names the constraint in quotes; the rest of the text may show the row and is left out. */
function constraintOf({ constraint, message, originalMessage }: DriverCause): string | undefined {
  if (typeof constraint === "object" && constraint !== null) {
    const { index, fields } = constraint as { index?: unknown; fields?: unknown };
    if (typeof index === "string") return index;
    if (Array.isArray(fields)) return fields.map(String).join(", ");
  }
  const text = stringOrUndefined(originalMessage) ?? stringOrUndefined(message) ?? "";
  return /constraint "([\w$]{1,63})"/.exec(text)?.[1];
}

function stringOrUndefined(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
