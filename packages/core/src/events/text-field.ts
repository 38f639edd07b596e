import { z } from "zod";

/** Text that PostgreSQL cannot store: NUL and lone surrogates. */
export const refusedText: RegExp = /[\0\p{Surrogate}]/u;

/** A zod schema for text of 1 to `max` UTF-16 code units that can be stored; its messages name the limit and the actual size. */
export function textField(max: number, refusal: (input: unknown) => string = notText): z.ZodString {
  return z.string({ error: ({ input }) => refusal(input) }).superRefine((value, context) => {
    const problem = textProblem(value, max);
    if (problem !== null) context.addIssue({ code: "custom", message: problem });
  });
}

/** What is wrong with a text, or `null`. */
export function textProblem(value: string, max: number): string | null {
  if (value.length === 0) return "must not be empty";
  if (value.length > max) return `must have at most ${max} characters, it has ${value.length}`;
  return refusedText.test(value) ? "holds a NUL character or a lone surrogate" : null;
}

/** Says that a value is not text, without showing it. */
export function notText(value: unknown): string {
  return `must be a string, it is ${value === null ? "null" : typeof value}`;
}
