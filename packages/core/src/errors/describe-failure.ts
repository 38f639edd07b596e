import { limits } from "../defaults.js";
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
const urlCredentials = /([a-z][a-z0-9+.-]*:\/\/)[^\s/@]*@/gi;

/** Turns anything that was thrown into a {@link FailureDescription}. Never throws itself. */
export function describeFailure(error: unknown): FailureDescription {
  return { code: codeOf(error), message: sanitizeFailureMessage(messageOf(error)) };
}

/** Removes control characters, broken UTF-16 and URL credentials from `message` and cuts it to the stored size. */
export function sanitizeFailureMessage(message: string): string {
  // Cut roughly before the regular expressions run, so that a message of many megabytes costs nothing.
  const rough = message.slice(0, limits.lastErrorMaxBytes * 2);
  const clean = rough.replace(controlCharacters, " ").replace(urlCredentials, "$1***@").trim();
  const cut = message.length > rough.length;
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
  if (error instanceof Error) return error.message === "" ? error.name : error.message;
  if (typeof error === "string") return error;
  return `a ${error === null ? "null" : typeof error} was thrown instead of an Error`;
}

function codeOf(error: unknown): string {
  if (isOmniBoxError(error)) return error.code;
  if (!(error instanceof Error)) return "UNKNOWN";
  const code: unknown = Reflect.get(error, "code");
  return sanitizeFailureMessage(typeof code === "string" && code !== "" ? code : error.name).slice(0, 100);
}
