import { z } from "zod";
import { limits } from "../defaults.js";
import { notText, textProblem } from "./text-field.js";

/** The prefix of header names that carry the event's own fields. */
export const reservedHeaderPrefix = "omni-";

/** A zod schema for the headers that a user may set. */
export const headersField: z.ZodType<Readonly<Record<string, string>>> = z
  .custom<Readonly<Record<string, string>>>(isPlainRecord, {
    error: "must be a plain object of strings",
  })
  .superRefine((value, context) => {
    // Unknown, since callers without types pass anything. A zod record would drop the key __proto__ without a word.
    const headers: Readonly<Record<string, unknown>> = value;
    const names = Reflect.ownKeys(headers);
    if (names.length > limits.headersMaxCount) {
      const message = `must be at most ${limits.headersMaxCount}, they are ${names.length}`;
      context.addIssue({ code: "custom", message });
      return;
    }
    for (const name of names) {
      const shown = String(name).slice(0, limits.headerKeyMaxLength);
      const problems = typeof name === "string" ? headerProblems(name, headers[name]) : ["the name must be a string"];
      for (const message of problems) context.addIssue({ code: "custom", message, path: [shown] });
    }
    const bytes = bytesOf(headers);
    if (bytes > limits.headersMaxBytes) {
      const message = `must have at most ${limits.headersMaxBytes} bytes of names and values in UTF-8, they have ${bytes}`;
      context.addIssue({ code: "custom", message });
    }
  });

/** The size of all names, and of those values that are text: the others are refused by themselves. */
function bytesOf(headers: Readonly<Record<string, unknown>>): number {
  let bytes = 0;
  for (const [name, value] of Object.entries(headers)) {
    bytes += Buffer.byteLength(name) + (typeof value === "string" ? Buffer.byteLength(value) : 0);
  }
  return bytes;
}

function headerProblems(name: string, value: unknown): string[] {
  const problems = [nameProblem(name), valueProblem(value)];
  return problems.filter((problem) => problem !== null);
}

function nameProblem(name: string): string | null {
  if (name === "__proto__") return "must not be a header name";
  if (name.toLowerCase().startsWith(reservedHeaderPrefix)) {
    return `names starting with "${reservedHeaderPrefix}" are reserved`;
  }
  const problem = textProblem(name, limits.headerKeyMaxLength);
  return problem === null ? null : `the name ${problem}`;
}

function valueProblem(value: unknown): string | null {
  if (typeof value !== "string") return notText(value);
  return value === "" ? null : textProblem(value, limits.headerValueMaxLength);
}

function isPlainRecord(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
