import { z } from "zod";
import { limits } from "../defaults.js";
import { validateOptions } from "../errors/validate-options.js";
import type { OutboxEvent } from "../events/outbox-event.js";
import { payloadText } from "../events/payload-text.js";
import {
  attributePrefix,
  cloudEventsFormat,
  cloudEventsVersion,
  writtenAttributes,
} from "./cloud-events-attributes.js";
import { traceIdOf } from "./envelope-of.js";
import { type MessageConverter, messageOf, messageWithText } from "./message-converter.js";

/** Options of {@link cloudEventsConverter}. */
export interface CloudEventsOptions {
  /** `structured`: the body is the whole CloudEvent. `binary`: the body is the payload, attributes are headers `cloudEvents_…`. */
  readonly mode: "structured" | "binary";
  /** Which system the events come from: a URI reference, best an absolute URI; at most 255 characters. */
  readonly source: string;
}

const options = z.strictObject({
  mode: z.enum(["structured", "binary"]),
  source: z
    .string()
    .max(limits.cloudEventsSourceMaxLength)
    .regex(
      /^(?:[\w\-.~:/?#[\]@!$&'()*+,;=]|%[0-9a-f]{2})+$/i,
      "must be a URI reference (RFC 3986), such as https://shop.example/orders",
    ),
});

/**
 * For consumers that know CloudEvents 1.0. `subject` is the aggregate id, `time` the time of the insert; `aggregatetype`,
 * `schemaversion`, `partitionkey`, `correlationid`, `causationid` and `traceid` are extensions, and `traceparent` too where the
 * trace id is one, or a header is. In binary mode a user's headers that have the name of one of these attributes are left out.
 *
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/amqp-protocol-binding.md
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS when an option is missing or invalid.
 */
export function cloudEventsConverter(given: CloudEventsOptions): MessageConverter {
  const { mode, source } = validateOptions("cloudEventsConverter", options, given);
  return Object.freeze<MessageConverter>({
    name: cloudEventsFormat,
    toMessage: mode === "structured" ? structured : binary,
  });

  function structured(event: OutboxEvent) {
    const attributes = { ...attributesOf(event, source), datacontenttype: "application/json" };
    return messageOf(event, cloudEventsFormat, "application/cloudevents+json; charset=UTF-8", {
      ...attributes,
      data: event.payload,
    });
  }

  function binary(event: OutboxEvent) {
    const message = messageWithText(event, cloudEventsFormat, "application/json", payloadText(event));
    const headers = Object.entries(message.headers).filter(([name]) => !isWritten(name));
    const attributes = Object.entries(attributesOf(event, source));
    return {
      ...message,
      headers: Object.fromEntries([...headers, ...attributes.map(([name, value]) => [attributePrefix + name, value])]),
    };
  }
}

function attributesOf(event: OutboxEvent, source: string): Record<string, string> {
  const attributes: Record<string, string> = {
    specversion: cloudEventsVersion,
    id: event.id,
    source,
    type: event.type,
    subject: event.aggregateId,
    time: event.createdAt.toISOString(),
    aggregatetype: event.aggregateType,
    schemaversion: event.schemaVersion,
    partitionkey: event.partitionKey,
  };
  if (event.correlationId !== null) attributes.correlationid = event.correlationId;
  if (event.causationId !== null) attributes.causationid = event.causationId;
  if (event.traceId !== null) attributes.traceid = event.traceId;
  const traceparent = [event.traceId ?? undefined, event.headers.traceparent].find((text) => traceIdOf(text) !== null);
  if (traceparent !== undefined) attributes.traceparent = traceparent;
  return attributes;
}

function isWritten(header: string): boolean {
  return header.startsWith(attributePrefix) && writtenAttributes.has(header.slice(attributePrefix.length));
}
