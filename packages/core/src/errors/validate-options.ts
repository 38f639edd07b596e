import { z } from "zod";
import { OmniBoxError } from "./omni-box-error.js";

/**
 * Checks the options of a factory and reports every problem at once.
 *
 * @param factory - the function the user called, for the message
 * @param combinations - says what is wrong with options that are valid by themselves but not together; it is given those
 *   that are valid, so that its sentences are in the same error. Only for schemas of objects.
 * @returns the parsed options, defaults filled in
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems with their paths.
 */
export function validateOptions<S extends z.ZodType>(
  factory: string,
  schema: S,
  options: unknown,
  combinations: (valid: Partial<z.output<S>>) => readonly string[] = () => [],
): z.output<S> {
  const result = schema.safeParse(options, { reportInput: true });
  const problems = result.success ? [] : result.error.issues.flatMap(describeIssue);
  problems.push(...combinations(result.success ? result.data : validFields(schema, options)));
  if (result.success && problems.length === 0) return result.data;
  throw invalidOptions(factory, problems);
}

/** The error for options that cannot work, with one sentence per problem. */
export function invalidOptions(factory: string, problems: readonly string[]): OmniBoxError {
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  return new OmniBoxError("CONFIG.INVALID_OPTIONS", `${factory}: ${count}: ${problems.join("; ")}`, {
    meta: { factory, problems },
  });
}

function describeIssue(issue: z.core.$ZodIssue): string[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => `unknown option "${[...issue.path, key].map(String).join(".")}"`);
  }
  const path = issue.path.map(String).join(".");
  return [`${path === "" ? "" : `${path}: `}${issue.message}${actualSize(issue)}`];
}

/** The options that are valid by themselves, defaults filled in. */
function validFields<S extends z.ZodType>(schema: S, options: unknown): Partial<z.output<S>> {
  if (!(schema instanceof z.ZodObject) || typeof options !== "object" || options === null) return {};
  const fields = Object.entries<z.ZodType>(schema.shape).map(([name, field]) => {
    return [name, field.safeParse(Reflect.get(options, name)).data] as const;
  });
  return Object.fromEntries(fields) as Partial<z.output<S>>;
}

/** How far off a limit an option is. Never its text, which may be a credential. */
function actualSize({ code, input }: z.core.$ZodIssue): string {
  if (code !== "too_big" && code !== "too_small") return "";
  if (typeof input === "string" || Array.isArray(input)) return `, it has ${input.length}`;
  return typeof input === "number" ? `, it is ${input}` : "";
}

/** A zod schema that accepts anything which `test` recognises; `expected` completes "expected …" in the message. */
export function expecting<T>(expected: string, test: (value: unknown) => boolean): z.ZodType<T> {
  return z.custom<T>((value) => test(value), { error: ({ input }) => `expected ${expected}${uncalledFactory(input)}` });
}

/** What to do about a function in place of what it may make, such as `leased` for `leased()`; else nothing. */
export function uncalledFactory(value: unknown): string {
  if (typeof value !== "function") return "";
  return `, got a function: if it makes one, call it${value.name === "" ? "" : `: ${value.name}()`}`;
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
