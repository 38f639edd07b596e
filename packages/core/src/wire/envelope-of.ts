import { reservedHeaderPrefix } from "../events/headers-field.js";
import type { ConsumedMessage } from "../protocols/event-consumer.js";
import type { EnvelopeData } from "./envelope-parser.js";
import { eventHeaders } from "./message-converter.js";
import { senderSeqOf } from "./sender-seq.js";
import { undecodable } from "./undecodable.js";

/**
 * The event of a message whose identity, address and context are in its properties and headers.
 *
 * @throws {OmniBoxError} MESSAGE.UNDECODABLE when it has no message id.
 */
export function envelopeOf(
  message: ConsumedMessage,
  type: string,
  schemaVersion: string,
  payload: unknown,
): EnvelopeData {
  const { messageId, headers } = message;
  if (messageId === null || messageId === "") throw undecodable("it has no message id");
  return {
    messageId,
    type,
    schemaVersion,
    topic: topicOf(message),
    partitionKey: headers[eventHeaders.partitionKey] ?? messageId,
    payload,
    senderSeq: senderSeqOf(headers[eventHeaders.seq]),
    headers: ownHeaders(headers),
    traceId: headers[eventHeaders.traceId] ?? traceIdOf(headers.traceparent),
    correlationId: message.correlationId,
    causationId: headers[eventHeaders.causationId] ?? null,
  };
}

/** The routing key; where it is empty, as it may be with fanout exchanges, the source. */
export function topicOf({ topic, source }: ConsumedMessage): string {
  return topic === "" ? source : topic;
}

/** The headers without omni-box's own. */
export function ownHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  const own: Record<string, string> = {};
  for (const name of Object.keys(headers)) {
    const value = headers[name];
    if (value !== undefined && name !== "__proto__" && !isReserved(name)) own[name] = value;
  }
  return own;
}

function isReserved(name: string): boolean {
  // Most names are told apart by their fifth character, which costs a tenth.
  if (name[reservedHeaderPrefix.length - 1] !== "-") return false;
  return name.slice(0, reservedHeaderPrefix.length).toLowerCase() === reservedHeaderPrefix;
}

/** The trace id within a `traceparent` (W3C Trace Context, section 3.2); `null` when it is no valid one. */
export function traceIdOf(traceparent: string | undefined): string | null {
  if (traceparent === undefined) return null;
  const [, traceId = null] =
    /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-|$)/.exec(traceparent) ?? [];
  return traceId;
}
