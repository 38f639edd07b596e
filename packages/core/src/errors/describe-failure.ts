import { isNativeError } from "node:util/types";
import { limits } from "../defaults.js";
import { kindOf } from "./kind-of.js";
import { isOmniBoxError } from "./omni-box-error.js";

/** A failure in the form in which it is stored, logged and shown: sanitised, bounded, free of credentials. */
export interface FailureDescription {
  /** The omni-box code, or the foreign error's own string `code` or name. */
  readonly code: string;
  /** At most `limits.lastErrorMaxBytes` bytes of well-formed text without control characters. */
  readonly message: string;
}

const truncatedSuffix = "… (truncated)";
const controlCharacters = /[\p{Cc}\p{Surrogate}]+/gu;
// Up to the last @ before the path: passwords are not always encoded.
const urlCredentials = /:\/\/[^\s/]*@/g;
const cutOffAuthority = /:\/\/[^\s/]*$/;

/** Turns anything that was thrown into a {@link FailureDescription}. Never throws itself. */
export function describeFailure(error: unknown): FailureDescription {
  try {
    return { code: codeOf(error), message: sanitizeFailureMessage(messageOf(error)) };
  } catch {
    // A revoked proxy, or a getter that throws.
    return { code: "UNKNOWN", message: "what was thrown cannot be read" };
  }
}

/** Removes control characters, broken UTF-16 and URL credentials from `message` and cuts it to the stored size. */
export function sanitizeFailureMessage(message: string): string {
  // Cut roughly before the regular expressions run, so that a message of many megabytes costs nothing.
  const rough = message.slice(0, limits.lastErrorMaxBytes * 2);
  const cut = message.length > rough.length;
  // Without its end, what follows the last :// cannot be told from credentials.
  const discreet = (cut ? rough.replace(cutOffAuthority, "") : rough).replace(urlCredentials, "://***@");
  const clean = discreet.replace(controlCharacters, " ").trim();
  if (!cut && Buffer.byteLength(clean) <= limits.lastErrorMaxBytes) return clean;
  const room = limits.lastErrorMaxBytes - Buffer.byteLength(truncatedSuffix);
  // Decoding a cut-off UTF-8 sequence yields U+FFFD at the end, which is dropped.
  const head = Buffer.from(clean)
    .subarray(0, room)
    .toString("utf8")
    .replace(/\uFFFD+$/u, "");
  return head + truncatedSuffix;
}

function messageOf(error: unknown): string {
  if (typeof error === "string") return error;
  if (isError(error)) return typeof error.message === "string" && error.message !== "" ? error.message : nameOf(error);
  return `${kindOf(error)} was thrown instead of an Error`;
}

function codeOf(error: unknown): string {
  if (isOmniBoxError(error)) return error.code;
  if (!isError(error)) return "UNKNOWN";
  const code: unknown = Reflect.get(error, "code");
  return sanitizeFailureMessage(typeof code === "string" && code !== "" ? code.slice(0, 100) : nameOf(error));
}

/** Recognises errors of other realms (a vm context, a test runner) too. */
function isError(value: unknown): value is Error {
  return isNativeError(value) || value instanceof Error;
}

function nameOf(error: Error): string {
  return typeof error.name === "string" && error.name !== "" ? error.name.slice(0, 100) : "Error";
}
