import { limits } from "../defaults.js";
import type { JsonObject, JsonValue } from "./json.js";
import { refusedText } from "./text-field.js";

/** One reason why a value is not plain JSON. */
export interface JsonProblem {
  /** Where, as `payload.lines[2].price`. */
  readonly path: string;
  readonly message: string;
}

/** The outcome of {@link copyPlainJson}. */
export type PlainJsonResult =
  | { readonly ok: true; readonly value: JsonObject }
  | { readonly ok: false; readonly problems: readonly JsonProblem[] };

const maxProblems = 10;
const maxKeyLengthShown = 80;

/**
 * Copies a plain JSON object and freezes the copy deeply, or says what about it is not plain JSON.
 *
 * Refused: BigInt, Date, Map, class instances, functions, symbols, `undefined`, NaN, Infinity, cycles, holes in arrays, the key
 * `__proto__`, text that PostgreSQL cannot store (NUL, lone surrogates), nesting deeper than `limits.payloadMaxDepth`.
 */
export function copyPlainJson(root: string, value: unknown): PlainJsonResult {
  const problems: JsonProblem[] = [];
  if (!isPlainObject(value)) {
    return { ok: false, problems: [{ path: root, message: `must be a JSON object, it is ${nameOf(value)}` }] };
  }
  const copy = copyObject(value, root, 1, new Set(), problems);
  return problems.length === 0 ? { ok: true, value: copy } : { ok: false, problems };
}

function copyValue(
  value: unknown,
  path: string,
  depth: number,
  above: Set<object>,
  problems: JsonProblem[],
): JsonValue {
  switch (typeof value) {
    case "string":
      if (refusedText.test(value)) refuse(problems, path, "holds a NUL character or a lone surrogate");
      return value;
    case "boolean":
      return value;
    case "number":
      if (!Number.isFinite(value)) refuse(problems, path, `must be a finite number, it is ${value}`);
      return value;
    case "object":
      if (value === null) return null;
      if (Array.isArray(value)) return copyArray(value, path, depth + 1, above, problems);
      if (isPlainObject(value)) return copyObject(value, path, depth + 1, above, problems);
      break;
    default:
  }
  refuse(problems, path, `must be plain JSON, it is ${nameOf(value)}`);
  return null;
}

function copyObject(
  value: Readonly<Record<string, unknown>>,
  path: string,
  depth: number,
  above: Set<object>,
  problems: JsonProblem[],
): JsonObject {
  const copy: Record<string, JsonValue> = {};
  if (!enter(value, path, depth, above, problems)) return copy;
  for (const key of Object.keys(value)) {
    const below = pathBelow(path, key);
    if (key === "__proto__") refuse(problems, below, "must not be a key: it would change the prototype of readers");
    else if (refusedText.test(key)) refuse(problems, below, "holds a NUL character or a lone surrogate");
    else copy[key] = copyValue(read(value, key, below, problems), below, depth, above, problems);
    if (problems.length >= maxProblems) break;
  }
  above.delete(value);
  return Object.freeze(copy);
}

function copyArray(
  value: readonly unknown[],
  path: string,
  depth: number,
  above: Set<object>,
  problems: JsonProblem[],
): readonly JsonValue[] {
  const copy: JsonValue[] = [];
  if (!enter(value, path, depth, above, problems)) return copy;
  for (let index = 0; index < value.length && problems.length < maxProblems; index += 1) {
    copy.push(copyValue(value[index], `${path}[${index}]`, depth, above, problems));
  }
  // Indices come first, so a name is found at the end.
  const lastKey = Object.keys(value).at(-1);
  if (lastKey !== undefined && !/^\d+$/.test(lastKey)) {
    refuse(problems, pathBelow(path, lastKey), "must not be a named property of an array: JSON would lose it");
  }
  above.delete(value);
  return Object.freeze(copy);
}

function enter(value: object, path: string, depth: number, above: Set<object>, problems: JsonProblem[]): boolean {
  if (above.has(value)) {
    refuse(problems, path, "refers back to an object that contains it (a cycle)");
    return false;
  }
  if (depth > limits.payloadMaxDepth) {
    refuse(problems, path, `nests deeper than ${limits.payloadMaxDepth} levels`);
    return false;
  }
  if (Object.getOwnPropertySymbols(value).length > 0) refuse(problems, path, "must not have symbol keys");
  above.add(value);
  return true;
}

/** A field's value; `null` and a problem when its getter throws. */
function read(value: Readonly<Record<string, unknown>>, key: string, path: string, problems: JsonProblem[]): unknown {
  try {
    return value[key];
  } catch {
    refuse(problems, path, "cannot be read");
    return null;
  }
}

function pathBelow(path: string, key: string): string {
  const isWord = key.length <= maxKeyLengthShown && /^[A-Za-z_$][\w$]*$/.test(key);
  return isWord ? `${path}.${key}` : `${path}[${JSON.stringify(key).slice(0, maxKeyLengthShown)}]`;
}

function refuse(problems: JsonProblem[], path: string, message: string): void {
  if (problems.length < maxProblems) problems.push({ path, message });
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || isForeignObjectPrototype(prototype);
}

/** Whether it is the `Object.prototype` of another realm (a vm context, a test runner). */
function isForeignObjectPrototype(prototype: unknown): boolean {
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, "isPrototypeOf");
}

function nameOf(value: unknown): string {
  if (value === undefined) return "undefined";
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value !== "object") return `a ${typeof value}`;
  const name: unknown = Object.getPrototypeOf(value)?.constructor?.name;
  if (typeof name !== "string" || name === "" || name === "Object") return "an object with a prototype of its own";
  return `${/^[AEIOU]/i.test(name) ? "an" : "a"} ${name}`;
}
