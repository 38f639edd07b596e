import { type ErrorCode, errorCodes, type FailureClass } from "./error-codes.js";

const brand: unique symbol = Symbol.for("omni-box.error") as never;

/** Facts about a failure that are safe to log: names, ids, sizes and codes; never payloads, SQL parameters or credentials. */
export type ErrorMeta = Readonly<Record<string, unknown>>;

/** What an {@link OmniBoxError} is made of, besides its code and message. */
export interface OmniBoxErrorOptions {
  /** The error underneath. Pass it only when nothing in it can leak a payload or a credential. */
  readonly cause?: unknown;
  readonly meta?: ErrorMeta;
}

/**
 * The one error class of omni-box: a documented code, a message that says what failed and what to do, and safe facts.
 *
 * Recognise it with {@link isOmniBoxError}, not with `instanceof`: an application may hold two copies of a package.
 */
export class OmniBoxError extends Error {
  override readonly name = "OmniBoxError";
  readonly code: ErrorCode;
  readonly meta: ErrorMeta;

  constructor(code: ErrorCode, message: string, options: OmniBoxErrorOptions = {}) {
    super(`${code}: ${message}`, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.meta = Object.freeze({ ...options.meta });
    Object.defineProperty(this, brand, { value: true });
  }

  /** What the failure means for the event that was being worked on. */
  get failureClass(): FailureClass {
    return errorCodes[this.code];
  }

  /** Whether the same call may succeed later without a change by a person. */
  get retryable(): boolean {
    return this.failureClass !== "permanent";
  }
}

/** Tells whether `value` is an {@link OmniBoxError}, from any copy of the package, and has the given code if one is named. */
export function isOmniBoxError<C extends ErrorCode = ErrorCode>(
  value: unknown,
  code?: C,
): value is OmniBoxError & { readonly code: C } {
  if (typeof value !== "object" || value === null) return false;
  try {
    return brand in value && (code === undefined || Reflect.get(value, "code") === code);
  } catch {
    // A revoked proxy, or one whose traps throw: whatever it is, it is none of ours.
    return false;
  }
}
