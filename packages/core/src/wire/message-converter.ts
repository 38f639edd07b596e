import { reservedHeaderPrefix } from "../events/headers-field.js";
import type { OutboxEvent } from "../events/outbox-event.js";
import type { OutgoingMessage } from "../protocols/event-publisher.js";

/** Turns a stored event into the message that goes over the wire. Must not keep or change the event. */
export interface MessageConverter {
  /** Its name in logs and error messages. */
  readonly name: string;
  toMessage(event: OutboxEvent): OutgoingMessage;
}

/** Names of the headers that carry an event's own fields beside the user's. */
export const eventHeaders = Object.freeze({
  schemaVersion: `${reservedHeaderPrefix}schema-version`,
  aggregateType: `${reservedHeaderPrefix}aggregate-type`,
  aggregateId: `${reservedHeaderPrefix}aggregate-id`,
  partitionKey: `${reservedHeaderPrefix}partition-key`,
  causationId: `${reservedHeaderPrefix}causation-id`,
  traceId: `${reservedHeaderPrefix}trace-id`,
  /** Consumers recognise repetitions by message ids; older numbers pass unless a handler's service asks otherwise (`olderEvents`). */
  seq: `${reservedHeaderPrefix}seq`,
  /** Which converter wrote the body. */
  format: `${reservedHeaderPrefix}format`,
  /** Never on the wire: the sender's message id, in the inbox row of a message that could not be decoded. */
  messageId: `${reservedHeaderPrefix}message-id`,
});

/** Builds a message around a body: identity, address and headers are the same in every format. */
export function messageOf(event: OutboxEvent, format: string, contentType: string, body: unknown): OutgoingMessage {
  return messageWithText(event, format, contentType, JSON.stringify(body));
}

/** Builds a message around a body that is JSON text already. */
export function messageWithText(
  event: OutboxEvent,
  format: string,
  contentType: string,
  bodyText: string,
): OutgoingMessage {
  const headers: Record<string, string> = {
    ...event.headers,
    [eventHeaders.format]: format,
    [eventHeaders.schemaVersion]: event.schemaVersion,
    [eventHeaders.aggregateType]: event.aggregateType,
    [eventHeaders.aggregateId]: event.aggregateId,
    [eventHeaders.partitionKey]: event.partitionKey,
    [eventHeaders.seq]: String(event.seq),
  };
  if (event.causationId !== null) headers[eventHeaders.causationId] = event.causationId;
  if (event.traceId !== null) headers[eventHeaders.traceId] = event.traceId;
  return {
    id: event.id,
    topic: event.topic,
    type: event.type,
    partitionKey: event.partitionKey,
    contentType,
    body: Buffer.from(bodyText),
    headers,
    correlationId: event.correlationId,
    timestamp: event.createdAt,
  };
}
