import type { StandardSchemaV1 } from "@standard-schema/spec";

/** What a Standard Schema is, for the messages that ask for one. */
export const standardSchemaName = "a Standard Schema (zod, valibot, arktype, …)";

/** Tells whether `value` can be asked as a Standard Schema (https://standardschema.dev). */
export function isStandardSchema(value: unknown): value is StandardSchemaV1 {
  // Some libraries' schemas are functions.
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return false;
  const standard: unknown = Reflect.get(value, "~standard");
  return typeof standard === "object" && standard !== null && typeof Reflect.get(standard, "validate") === "function";
}
