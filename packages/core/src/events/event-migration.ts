import { z } from "zod";
import { limits } from "../defaults.js";
import { functionOption } from "../errors/validate-options.js";
import { textField } from "./text-field.js";

/**
 * The payload of an older version, whose schema may be long gone: its fields have no types, unless the parameter of `migrate`
 * is annotated.
 */
// biome-ignore lint/suspicious/noExplicitAny: `old.total * 100` compiles with no other type, and `unknown` would only be cast to it
export type OldPayload = Readonly<Record<string, any>>;

/** Turns payloads of one version of an event type into payloads of another. */
export interface EventMigration {
  /** The version it takes, or its beginning: "1" stands for every 1.2.3 that no longer beginning is given for. */
  readonly from: string;
  /** The version it makes. */
  readonly to: string;
  /**
   * Answers with the new payload, as plain JSON; may be asynchronous. It is given a frozen copy. It may run again for the same
   * event, and outside of any transaction, so it should depend on nothing else.
   */
  migrate(old: OldPayload): object | Promise<object>;
}

const migration = z
  .strictObject({
    from: textField(limits.schemaVersionMaxLength),
    to: textField(limits.schemaVersionMaxLength),
    migrate: functionOption<EventMigration["migrate"]>("(old) => payload"),
  })
  .refine(({ from, to }) => from !== to, { error: "from and to must be different versions" });

/** Checks a list of migrations. */
export const migrationList = z.array(migration).superRefine((list, context) => {
  const known = new Set<string>();
  for (const [index, { from, to }] of list.entries()) {
    const step = stepName({ from, to });
    if (known.has(step)) context.addIssue({ code: "custom", path: [index], message: `there are two from ${step}` });
    known.add(step);
  }
});

/** How a migration is named in messages: "1.0.0 → 2.0.0". */
export function stepName({ from, to }: Pick<EventMigration, "from" | "to">): string {
  return `${from} → ${to}`;
}
