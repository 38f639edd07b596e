import { z } from "zod";
import { OmniBoxError } from "./omni-box-error.js";

/**
 * Checks the options of a factory and reports every problem at once.
 *
 * @param factory - the function the user called, for the message
 * @returns the parsed options, defaults filled in
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems with their paths.
 */
export function validateOptions<S extends z.ZodType>(factory: string, schema: S, options: unknown): z.output<S> {
  const result = schema.safeParse(options);
  if (result.success) return result.data;
  throw invalidOptions(factory, result.error.issues.map(describeIssue));
}

/** The error for options that cannot work, with one sentence per problem. */
export function invalidOptions(factory: string, problems: readonly string[]): OmniBoxError {
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  return new OmniBoxError("CONFIG.INVALID_OPTIONS", `${factory}: ${count}: ${problems.join("; ")}`, {
    meta: { factory, problems },
  });
}

function describeIssue(issue: z.core.$ZodIssue): string {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => `unknown option "${[...issue.path, key].map(String).join(".")}"`).join("; ");
  }
  const path = issue.path.map(String).join(".");
  return path === "" ? issue.message : `${path}: ${issue.message}`;
}

/** A zod schema that accepts anything which `test` recognises; `expected` completes "expected …" in the message. */
export function expecting<T>(expected: string, test: (value: unknown) => boolean): z.ZodType<T> {
  return z.custom<T>((value) => test(value), { error: `expected ${expected}` });
}

/** A zod schema for an object that carries all the named methods. */
export function objectWith<T>(what: string, ...methods: readonly (keyof T & string)[]): z.ZodType<T> {
  return expecting<T>(
    `${what} (an object with ${methods.join(", ")})`,
    (value) =>
      typeof value === "object" &&
      value !== null &&
      methods.every((method) => typeof Reflect.get(value, method) === "function"),
  );
}

/** A zod schema for a function. */
export function functionOption<F>(signature: string): z.ZodType<F> {
  return expecting<F>(`a function ${signature}`, (value) => typeof value === "function");
}

/** A zod schema for a whole number of milliseconds that a timer can wait. */
export function milliseconds(min: number): z.ZodNumber {
  return z.int().min(min).max(2_147_483_647);
}
