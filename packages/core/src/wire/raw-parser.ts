import { envelopeOf } from "./envelope-of.js";
import type { EnvelopeParser } from "./envelope-parser.js";
import { type ForeignMessageOptions, foreignMessageOptions } from "./foreign-message-options.js";
import { eventHeaders } from "./message-converter.js";
import { readJsonBody } from "./read-json-body.js";
import { undecodable } from "./undecodable.js";

/**
 * Reads messages of `rawConverter()`, and JSON messages of anybody that have a message id and a type.
 *
 * A message without omni-box's headers gets: topic = its routing key, or its source where that is empty; partition key = its
 * message id, so that it waits for no other; trace id = that of a `traceparent` header. A message id must be unique among all
 * senders of a queue, else the second sender's messages look like repetitions.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS when an option breaks its limit.
 */
export function rawParser(options: ForeignMessageOptions = {}): EnvelopeParser {
  const { schemaVersion } = foreignMessageOptions("rawParser", options);
  return Object.freeze<EnvelopeParser>({
    name: "raw",
    parse(message) {
      const { type, headers } = message;
      if (type === null || type === "") throw undecodable("it has no type");
      const version = headers[eventHeaders.schemaVersion] ?? schemaVersion;
      return envelopeOf(message, type, version, readJsonBody(message));
    },
  });
}
