import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { JsonValue } from "../events/json.js";

/** A value this long is recognised by its beginning, since messages often cut values. */
const recognisedLength = 16;
/** Shorter values are looked for only where the issue is: "1" is in many messages. */
const tellingLength = 4;

/**
 * The message of a schema's issue, or a plain one when it shows a value of the payload: several libraries quote what they
 * received (valibot `received "…"`, arktype `was "…"`), and payloads must not appear in errors.
 */
export function discreetIssueMessage(
  issue: StandardSchemaV1.Issue,
  { payload, schema }: { readonly payload: JsonValue; readonly schema: StandardSchemaV1 },
): string {
  if (isBuiltIntoZod4(issue, schema)) return issue.message;
  const message = String(issue.message);
  const isShown = (value: string) => shows(message, value) || shows(message, JSON.stringify(value).slice(1, -1));
  const shown =
    leavesOf(valueAt(payload, issue)).some(isShown) ||
    leavesOf(payload).some((value) => value.length >= tellingLength && isShown(value));
  return shown ? "does not match the schema" : message;
}

/** The built-in messages of zod 4 name expectations and limits, never values (those of zod 3 do). */
function isBuiltIntoZod4(issue: StandardSchemaV1.Issue, schema: StandardSchemaV1): boolean {
  return "_zod" in schema && Reflect.get(issue, "code") !== "custom";
}

function valueAt(payload: JsonValue, { path = [] }: StandardSchemaV1.Issue): JsonValue | undefined {
  let value: unknown = payload;
  for (const part of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = Reflect.get(value, typeof part === "object" ? part.key : part);
  }
  return value as JsonValue | undefined;
}

/** The texts and numbers in a value, as text. */
function leavesOf(value: JsonValue | undefined): string[] {
  if (typeof value === "string") return value === "" ? [] : [value];
  if (typeof value === "number") return [String(value)];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(leavesOf) : [];
}

function shows(message: string, value: string): boolean {
  if (value.length > recognisedLength) return message.includes(value.slice(0, recognisedLength));
  for (let at = message.indexOf(value); at >= 0; at = message.indexOf(value, at + 1)) {
    if (!isWordPart(message.charAt(at - 1)) && !isWordPart(message.charAt(at + value.length))) return true;
  }
  return false;
}

function isWordPart(character: string): boolean {
  return /[\p{L}\p{N}]/u.test(character);
}
