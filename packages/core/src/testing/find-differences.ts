import { inspect } from "node:util";

/** Whether `value` may be left out at any depth; arrays are compared whole, item by item. */
export type DeepPartial<Value> = Value extends readonly (infer Item)[]
  ? readonly DeepPartial<Item>[]
  : Value extends object
    ? { readonly [Key in keyof Value]?: DeepPartial<Value[Key]> | undefined }
    : Value;

/** One sentence per path at which `actual` is not what `expected` asks for; what `expected` leaves out is not compared. */
export function findDifferences(actual: unknown, expected: unknown, path: string): readonly string[] {
  if (expected === undefined || Object.is(actual, expected)) return [];
  if (expected instanceof Date) return sameTime(actual, expected) ? [] : [difference(actual, expected, path)];
  if (Array.isArray(expected)) return findItemDifferences(actual, expected, path);
  if (typeof expected !== "object" || expected === null) return [difference(actual, expected, path)];
  if (typeof actual !== "object" || actual === null || Array.isArray(actual)) {
    return [difference(actual, expected, path)];
  }
  return Object.entries(expected).flatMap(([key, value]) =>
    findDifferences(Object.hasOwn(actual, key) ? Reflect.get(actual, key) : undefined, value, `${path}.${key}`),
  );
}

function findItemDifferences(actual: unknown, expected: readonly unknown[], path: string): readonly string[] {
  if (!Array.isArray(actual)) return [difference(actual, expected, path)];
  if (actual.length !== expected.length) {
    return [`${path} has ${actual.length} items instead of ${expected.length}`];
  }
  return expected.flatMap((value, index) => findDifferences(actual[index], value, `${path}[${index}]`));
}

function sameTime(actual: unknown, expected: Date): boolean {
  return actual instanceof Date && actual.getTime() === expected.getTime();
}

function difference(actual: unknown, expected: unknown, path: string): string {
  return `${path} is ${show(actual)} instead of ${show(expected)}`;
}

/** A value on one line, cut to a readable length. */
export function show(value: unknown): string {
  return inspect(value, { depth: 4, breakLength: Number.POSITIVE_INFINITY, maxArrayLength: 10, maxStringLength: 200 });
}
