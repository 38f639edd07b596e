import { bodyMembers, memberOf, textMember } from "./body-members.js";
import { envelopeOf } from "./envelope-of.js";
import type { EnvelopeParser } from "./envelope-parser.js";

/** Reads messages of `schemaVersionedConverter()`: type and version from the body, everything else as `rawParser()` does. */
export function schemaVersionedParser(): EnvelopeParser {
  return Object.freeze<EnvelopeParser>({
    name: "schema-versioned",
    parse(message) {
      const body = bodyMembers(message);
      const type = textMember(body, "type");
      return envelopeOf(message, type, textMember(body, "schemaVersion"), memberOf(body, "payload"));
    },
  });
}
