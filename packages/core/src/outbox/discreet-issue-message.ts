import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { JsonValue } from "../events/json.js";

/** A value this long is recognised by its beginning, since messages often cut values. */
const recognisedLength = 16;
/** A value this long is recognised within a word too. */
const unmistakableLength = 8;
/** Shorter values are looked for only where the issue is: "1" is in many messages. */
const tellingLength = 4;
/** A field that a program names; "ada@example.org", "4111-1111" and "DE8937…" are data that became a key. */
const fieldName = /^[\p{L}_$][\p{L}\p{N}_$-]{0,39}$/u;
const fieldNameMaxDigits = 4;
/** The bound in "expected number to be >0": the schema's number, also where the value is the same. */
const bound = /(?<=\s)[<>]=?\s?-?\d+(\.\d+)?(?=\s|$)/g;

/**
 * Describes the issues of a schema as `payload.path: message`, without anything that the payload holds.
 *
 * Several libraries quote what they received (valibot `received "…"`, arktype `was "…"`), as do the application's own
 * messages, and payloads must not appear in errors: such a message is replaced by a plain one. A key that looks like data is
 * `*` in the path.
 */
export function issueDescriber(payload: JsonValue): (issue: StandardSchemaV1.Issue) => string {
  const far = formsOf(contentOf(payload).filter((text) => text.length >= tellingLength));

  return ({ message, path = [] }) => {
    const shownPath = ["payload"];
    const near: string[] = [];
    let value: unknown = payload;
    for (const part of path) {
      const key = typeof part === "object" ? part.key : part;
      const isHidden = !isFieldName(key, value);
      if (isHidden) near.push(String(key));
      shownPath.push(isHidden ? "*" : String(key));
      value = isObject(value) && Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
    }
    const isShown = showing(String(message));
    const discreet = [...formsOf([...near, ...contentOf(value)]), ...far].some(isShown);
    return `${shownPath.join(".")}: ${discreet ? "does not match the schema" : message}`;
  };
}

/** Whether a part of a path is named by the schema, as far as one can tell; `container` is the value it is a part of. */
function isFieldName(key: PropertyKey, container: unknown): boolean {
  // Where there is no object, a number is the index of an array that is missing.
  if (typeof key === "number" && !isObject(container)) return true;
  if (Array.isArray(container) && /^\d+$/.test(String(key))) return true;
  const name = typeof key === "symbol" ? (key.description ?? "") : String(key);
  return fieldName.test(name) && name.replace(/\P{N}/gu, "").length <= fieldNameMaxDigits;
}

/** The texts and numbers in a value, and those keys that look like data, as text. */
function contentOf(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (typeof value === "number") return [String(value)];
  if (Array.isArray(value)) return value.flatMap(contentOf);
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, below]) => {
    const content = contentOf(below);
    return isFieldName(key, value) ? content : [key, ...content];
  });
}

/** How messages may show the texts: as they are or quoted, without blanks around them, in lower case; only their beginnings. */
function formsOf(texts: readonly string[]): ReadonlySet<string> {
  const forms = new Set<string>();
  for (const text of texts) {
    const start = text
      .trim()
      .slice(0, 2 * recognisedLength)
      .toLowerCase();
    forms.add(start).add(JSON.stringify(start).slice(1, -1));
  }
  return forms;
}

function showing(message: string): (form: string) => boolean {
  const whole = message.toLowerCase();
  const withoutBounds = whole.replace(bound, " ");
  return (form) => includes(Number.isFinite(Number(form)) ? withoutBounds : whole, form);
}

function includes(message: string, text: string): boolean {
  if (text === "") return false;
  if (text.length >= unmistakableLength) return message.includes(text.slice(0, recognisedLength));
  for (let at = message.indexOf(text); at >= 0; at = message.indexOf(text, at + 1)) {
    if (!isWordPart(message.charAt(at - 1)) && !isWordPart(message.charAt(at + text.length))) return true;
  }
  return false;
}

function isWordPart(character: string): boolean {
  return /[\p{L}\p{N}]/u.test(character);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
