import {
  type BodyMembers,
  bodyMembers,
  isJsonObject,
  memberOf,
  optionalTextMember,
  textMember,
} from "./body-members.js";
import { ownHeaders, traceIdOf } from "./envelope-of.js";
import type { EnvelopeParser } from "./envelope-parser.js";
import { senderSeqOf } from "./sender-seq.js";
import { undecodable } from "./undecodable.js";

/**
 * Reads messages of `envelopeConverter()`. The body alone counts, so that a message that was moved or replayed is the same
 * event whatever its routing key, message id and headers have become.
 */
export function envelopeParser(): EnvelopeParser {
  return Object.freeze<EnvelopeParser>({
    name: "envelope",
    parse(message) {
      const body = bodyMembers(message);
      const headers = headersIn(body);
      return {
        messageId: textMember(body, "id"),
        type: textMember(body, "type"),
        schemaVersion: textMember(body, "schemaVersion"),
        topic: textMember(body, "topic"),
        partitionKey: textMember(body, "partitionKey"),
        payload: memberOf(body, "payload"),
        senderSeq: senderSeqOf(memberOf(body, "seq")),
        headers,
        traceId: optionalTextMember(body, "traceId") ?? traceIdOf(headers.traceparent),
        correlationId: optionalTextMember(body, "correlationId"),
        causationId: optionalTextMember(body, "causationId"),
      };
    },
  });
}

function headersIn(body: BodyMembers): Record<string, string> {
  const headers = memberOf(body, "headers") ?? {};
  if (!isTextRecord(headers)) throw undecodable('"headers" in its body is not an object of strings');
  return ownHeaders(headers);
}

function isTextRecord(value: unknown): value is Readonly<Record<string, string>> {
  return isJsonObject(value) && Object.values(value).every((text) => typeof text === "string");
}
