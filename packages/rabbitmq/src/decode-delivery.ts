import type { ConsumedMessage } from "@omni-box/core";
import type { AmqpDelivery } from "./amqp-connection-like.js";
import { headerText, secondsToDate } from "./header-text.js";

/** The header in which a quorum queue counts earlier deliveries; absent at the first one. */
const deliveryCountHeader = "x-delivery-count";

/** Puts a delivery into no broker's terms. Takes whatever a sender can make of a message, and never throws. */
export function decodeDelivery(
  { fields, properties, content }: AmqpDelivery,
  queue: string,
  countsDeliveries: boolean,
): ConsumedMessage {
  const headers = isTable(properties.headers) ? properties.headers : {};
  return {
    messageId: textOrNull(properties.messageId),
    topic: fields.routingKey,
    type: textOrNull(properties.type),
    contentType: textOrNull(properties.contentType),
    contentEncoding: textOrNull(properties.contentEncoding),
    correlationId: textOrNull(properties.correlationId),
    headers: headerTexts(headers),
    timestamp: secondsToDate(properties.timestamp),
    body: content,
    source: queue,
    redelivered: fields.redelivered,
    deliveryCount: countsDeliveries ? deliveryCount(headers, fields.redelivered) : null,
  };
}

function deliveryCount(headers: object, redelivered: boolean): number | null {
  // Before that the header is the sender's, if there is one.
  if (!redelivered) return 0;
  const count: unknown = Object.hasOwn(headers, deliveryCountHeader)
    ? Reflect.get(headers, deliveryCountHeader)
    : undefined;
  return typeof count === "number" && Number.isSafeInteger(count) && count >= 0 ? count : null;
}

function headerTexts(headers: object): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    // Assigning to this name would not make a header.
    if (name === "__proto__") continue;
    const text = headerText(value);
    if (text !== null) texts[name] = text;
  }
  return texts;
}

function textOrNull(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function isTable(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
