import type { ConsumedMessage } from "../protocols/event-consumer.js";
import { isCloudEventsType, prefixIn } from "./cloud-events-attributes.js";
import { cloudEventsParser } from "./cloud-events-parser.js";
import { envelopeParser } from "./envelope-body-parser.js";
import type { EnvelopeParser } from "./envelope-parser.js";
import { type ForeignMessageOptions, foreignMessageOptions } from "./foreign-message-options.js";
import { eventHeaders } from "./message-converter.js";
import { rawParser } from "./raw-parser.js";
import { schemaVersionedParser } from "./schema-versioned-parser.js";
import { undecodable } from "./undecodable.js";

/**
 * Reads messages of all formats of omni-box, CloudEvents and raw JSON of anybody; the default of the inbox.
 *
 * The header `omni-format` decides. Without it: CloudEvents when the content type or the four required attributes say so,
 * else raw.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS when an option breaks its limit.
 */
export function anyParser(options: ForeignMessageOptions = {}): EnvelopeParser {
  const checked = foreignMessageOptions("anyParser", options);
  const raw = rawParser(checked);
  const cloudEvents = cloudEventsParser(checked);
  const all = [raw, schemaVersionedParser(), envelopeParser(), cloudEvents];
  const byFormat = new Map(all.map((parser) => [parser.name, parser]));

  function parserOf({ headers, contentType }: ConsumedMessage): EnvelopeParser {
    const format = headers[eventHeaders.format];
    if (format === undefined) {
      return isCloudEventsType(contentType) || prefixIn(headers) !== null ? cloudEvents : raw;
    }
    const parser = byFormat.get(format);
    if (parser === undefined) {
      throw undecodable(
        `the format that its header ${eventHeaders.format} names is unknown here; give the inbox its parser`,
      );
    }
    return parser;
  }

  return Object.freeze<EnvelopeParser>({
    name: "any",
    parse: (message) => parserOf(message).parse(message),
  });
}
