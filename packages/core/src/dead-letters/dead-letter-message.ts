import { v5 } from "uuid";
import { limits } from "../defaults.js";
import { type ErrorCode, errorCodes } from "../errors/error-codes.js";
import type { InboxEvent } from "../events/inbox-event.js";
import type { OutboxEvent } from "../events/outbox-event.js";
import type { DeadLetter } from "../protocols/event-administration.js";
import type { OutgoingMessage } from "../protocols/event-publisher.js";
import { deadLetterHeaders } from "../wire/dead-letter-headers.js";
import { eventHeaders } from "../wire/message-converter.js";
import { rawConverter } from "../wire/raw-converter.js";

/** The events that dead letters are made of. */
export type DeadLetterEvent = OutboxEvent | InboxEvent;

/** Namespace of the message ids. Never change it: a letter that is published again would get another id. */
const letterNamespace = "0d5c1a52-2f0b-4a5c-8d0e-6f3f5c1f7a94";
const raw = rawConverter();
const noReason = "no reason is known";

/**
 * The message of a dead letter: the event as the raw format writes it, to its own topic, with {@link deadLetterHeaders} beside its
 * headers. A received message that could not be decoded is sent with its bytes as they came.
 *
 * The message id is derived from the event's id and the time of its failure. So a letter that is published twice can be recognised,
 * and one of a later failure of the same event is not taken for a repetition.
 */
export function deadLetterMessage({ event, failedAt }: DeadLetter<DeadLetterEvent>): OutgoingMessage {
  const message = "aggregateType" in event ? raw.toMessage(event) : messageOfReceived(event);
  return {
    ...message,
    id: v5(`${event.id} ${failedAt.toISOString()}`, letterNamespace),
    headers: { ...message.headers, ...headersOf(event, failedAt) },
  };
}

/**
 * The same message for a broker that has refused it: with nothing that a foreign sender may have given it and that this broker cannot carry.
 * The body is the same.
 */
export function bareMessage(message: OutgoingMessage): OutgoingMessage {
  const kept = new Set<string>([...Object.values(deadLetterHeaders), eventHeaders.format, eventHeaders.schemaVersion]);
  return {
    ...message,
    type: withinBytes(message.type, limits.eventTypeMaxBytes),
    topic: withinBytes(message.topic, limits.topicMaxBytes),
    correlationId: null,
    headers: Object.fromEntries(Object.entries(message.headers).filter(([name]) => kept.has(name))),
  };
}

function messageOfReceived(event: InboxEvent): OutgoingMessage {
  const { [eventHeaders.messageId]: _ownHeader, ...headers } = event.headers;
  const own: Record<string, string> = {
    ...headers,
    [eventHeaders.schemaVersion]: event.schemaVersion,
    [eventHeaders.partitionKey]: event.partitionKey,
  };
  if (event.senderSeq !== null) own[eventHeaders.seq] = String(event.senderSeq);
  if (event.causationId !== null) own[eventHeaders.causationId] = event.causationId;
  if (event.traceId !== null) own[eventHeaders.traceId] = event.traceId;
  const { id, topic, type, partitionKey, correlationId, createdAt: timestamp } = event;
  const common = { id, topic, type, partitionKey, correlationId, timestamp };
  // The format of the bytes is whatever the headers say, if they say anything.
  if (event.body !== null)
    return { ...common, headers: own, contentType: "application/octet-stream", body: event.body };
  own[eventHeaders.format] = raw.name;
  const body = Buffer.from(JSON.stringify(event.payload));
  return { ...common, headers: own, contentType: "application/json", body };
}

function headersOf(event: DeadLetterEvent, failedAt: Date): Readonly<Record<string, string>> {
  const reason = event.lastError ?? noReason;
  const code = codeOf(reason);
  const headers: Record<string, string> = {
    [deadLetterHeaders.reason]: firstCharacters(reason, limits.headerValueMaxLength),
    [deadLetterHeaders.failedAt]: failedAt.toISOString(),
    [deadLetterHeaders.attempts]: String(event.attemptsMade),
    [deadLetterHeaders.topic]: event.topic,
    [deadLetterHeaders.eventId]: event.id,
  };
  if (code !== null) headers[deadLetterHeaders.code] = code;
  if ("aggregateType" in event) return headers;
  headers[deadLetterHeaders.messageId] = event.headers[eventHeaders.messageId] ?? event.messageId;
  headers[deadLetterHeaders.consumerGroup] = event.consumerGroup;
  headers[deadLetterHeaders.source] = event.source;
  return headers;
}

/** What errors of omni-box begin with. */
function codeOf(reason: string): ErrorCode | null {
  const code = reason.slice(0, Math.max(0, reason.indexOf(":")));
  return Object.hasOwn(errorCodes, code) ? (code as ErrorCode) : null;
}

/** Never with half of a surrogate pair at the end. */
function firstCharacters(text: string, length: number): string {
  return text.length <= length ? text : text.slice(0, length).replace(/[\uD800-\uDBFF]$/, "");
}

function withinBytes(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text;
  return Buffer.from(text)
    .subarray(0, bytes)
    .toString("utf8")
    .replace(/\uFFFD+$/u, "");
}
