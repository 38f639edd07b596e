import { type MessageConverter, messageOf } from "./message-converter.js";

/** For consumers and archives that keep only bodies: the whole event as one JSON document, its payload under `payload`. */
export function envelopeConverter(): MessageConverter {
  return Object.freeze<MessageConverter>({
    name: "envelope",
    toMessage: (event) =>
      messageOf(event, "envelope", "application/json", {
        id: event.id,
        seq: String(event.seq),
        type: event.type,
        schemaVersion: event.schemaVersion,
        topic: event.topic,
        aggregateType: event.aggregateType,
        aggregateId: event.aggregateId,
        partitionKey: event.partitionKey,
        correlationId: event.correlationId,
        causationId: event.causationId,
        traceId: event.traceId,
        occurredAt: event.createdAt.toISOString(),
        headers: event.headers,
        payload: event.payload,
      }),
  });
}
