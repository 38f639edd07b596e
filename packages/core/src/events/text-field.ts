import { z } from "zod";

/** Text that PostgreSQL cannot store: NUL and lone surrogates. */
export const refusedText: RegExp = /[\0\p{Surrogate}]/u;

/** What a text field has besides its length in UTF-16 code units. */
export interface TextFieldOptions {
  /** Largest size in UTF-8, where a broker counts bytes; default unlimited. */
  readonly maxBytes?: number;
  /** Words the message for what is no text. */
  readonly refusal?: (input: unknown) => string;
}

/** A zod schema for text of 1 to `max` UTF-16 code units that can be stored; its messages name the limit and the actual size. */
export function textField(max: number, { maxBytes, refusal = notText }: TextFieldOptions = {}): z.ZodString {
  return z.string({ error: ({ input }) => refusal(input) }).superRefine((value, context) => {
    const problem = textProblem(value, max, maxBytes);
    if (problem !== null) context.addIssue({ code: "custom", message: problem });
  });
}

/** What is wrong with a text, or `null`. */
export function textProblem(value: string, max: number, maxBytes = Number.POSITIVE_INFINITY): string | null {
  if (value.length === 0) return "must not be empty";
  if (value.length > max) return `must have at most ${max} characters, it has ${value.length}`;
  if (refusedText.test(value)) return "holds a NUL character or a lone surrogate";
  const bytes = Buffer.byteLength(value);
  return bytes > maxBytes ? `must have at most ${maxBytes} bytes in UTF-8, it has ${bytes}` : null;
}

/** Says that a value is not text, without showing it. */
export function notText(value: unknown): string {
  return `must be a string, it is ${value === null ? "null" : typeof value}`;
}
