import type { ConsumedMessage } from "../src/protocols/event-consumer.js";
import type { OutgoingMessage } from "../src/protocols/event-publisher.js";

/** A message of a foreign sender, with all that a raw one needs; a body that is no bytes is sent as JSON. */
export function consumedMessage(
  changes: Partial<Omit<ConsumedMessage, "body">> & { readonly body?: unknown } = {},
): ConsumedMessage {
  const { body = { total: 1 }, ...rest } = changes;
  return {
    messageId: "message-1",
    topic: "orders",
    type: "order.placed",
    contentType: "application/json",
    contentEncoding: null,
    correlationId: null,
    headers: {},
    timestamp: null,
    source: "orders-queue",
    redelivered: false,
    deliveryCount: null,
    ...rest,
    body: body instanceof Uint8Array ? body : Buffer.from(typeof body === "string" ? body : JSON.stringify(body)),
  };
}

/** The message as it comes out of a broker that keeps everything. */
export function delivered({
  id,
  topic,
  type,
  contentType,
  body,
  headers,
  correlationId,
}: OutgoingMessage): ConsumedMessage {
  return consumedMessage({ messageId: id, topic, type, contentType, body, headers, correlationId });
}
