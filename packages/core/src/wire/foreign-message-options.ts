import { z } from "zod";
import { defaults, limits } from "../defaults.js";
import { validateOptions } from "../errors/validate-options.js";
import { textField } from "../events/text-field.js";

/** What is assumed of messages that do not come from omni-box. */
export interface ForeignMessageOptions {
  /** The schema version of messages that name none; 1 to 50 characters, default "1". */
  readonly schemaVersion?: string | undefined;
}

const options = z.strictObject({
  schemaVersion: textField(limits.schemaVersionMaxLength).default(defaults.foreignSchemaVersion),
});

/** @throws {OmniBoxError} CONFIG.INVALID_OPTIONS when an option breaks its limit. */
export function foreignMessageOptions(
  factory: string,
  given: ForeignMessageOptions,
): { readonly schemaVersion: string } {
  return validateOptions(factory, options, given);
}
