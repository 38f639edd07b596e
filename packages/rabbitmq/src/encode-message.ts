import { OmniBoxError, type OutgoingMessage } from "@omni-box/core";
import type { AmqpPublishOptions } from "./amqp-connection-like.js";

/** A message in AMQP's terms. */
export interface EncodedMessage {
  readonly id: string;
  readonly routingKey: string;
  readonly body: Buffer;
  readonly properties: MessageProperties;
}

/** All properties of a message, with headers of its own. */
export interface MessageProperties extends AmqpPublishOptions {
  readonly headers: OutgoingMessage["headers"];
}

const shortStringMaxBytes = 255;
/** The broker takes these two headers for lists of further routing keys and closes the channel over a plain string. */
const reservedHeaders = ["CC", "BCC"];
const loneSurrogate = /\p{Surrogate}/u;
/** Frame overhead, class, flags and the fixed properties, generously. */
const headerFrameBaseBytes = 64;

/**
 * Puts a message into AMQP properties: persistent, mandatory, the id as `messageId`, the time in whole seconds.
 *
 * @throws {OmniBoxError} BROKER.MESSAGE_REFUSED when a property does not fit; all misfits are named.
 */
export function encodeMessage(message: OutgoingMessage, appId: string | undefined): EncodedMessage {
  checkFits(message);
  const { id, type, contentType, correlationId, headers, body } = message;
  const properties: { -readonly [K in keyof MessageProperties]: MessageProperties[K] } = {
    mandatory: true,
    deliveryMode: 2,
    messageId: id,
    type,
    timestamp: Math.floor(message.timestamp.getTime() / 1_000),
    contentType,
    headers,
  };
  if (correlationId !== null) properties.correlationId = correlationId;
  if (appId !== undefined) properties.appId = appId;
  return { id, routingKey: message.topic, body: asBuffer(body), properties };
}

/** An upper estimate of the header frame, which AMQP cannot split: one above the negotiated frame size ends the connection. */
export function headerFrameBytes(properties: MessageProperties): number {
  const { messageId, type, contentType, correlationId = "", appId = "", headers } = properties;
  let bytes = headerFrameBaseBytes;
  for (const text of [messageId, type, contentType, correlationId, appId]) bytes += 1 + Buffer.byteLength(text);
  for (const [name, value] of Object.entries(headers)) bytes += 6 + Buffer.byteLength(name) + Buffer.byteLength(value);
  return bytes;
}

function checkFits(message: OutgoingMessage): void {
  const { id, topic, type, contentType, correlationId, headers, timestamp } = message;
  let problems: string[] | undefined;
  const complain = (problem: string) => {
    problems ??= [];
    problems.push(problem);
  };
  if (!isShort(id)) complain(tooLong("id", id));
  // A returned message is recognised by its id, so the id must survive the wire unchanged.
  if (loneSurrogate.test(id)) complain("id is not well-formed text");
  if (!isShort(topic)) complain(tooLong("topic", topic));
  if (!isShort(type)) complain(tooLong("type", type));
  if (!isShort(contentType)) complain(tooLong("contentType", contentType));
  if (correlationId !== null && !isShort(correlationId)) complain(tooLong("correlationId", correlationId));
  for (const name in headers) if (!isShort(name)) complain(tooLong("a header's name", name));
  for (const name of reservedHeaders) {
    if (Object.hasOwn(headers, name)) complain(`the header ${name} is reserved by RabbitMQ`);
  }
  if (!(timestamp.getTime() >= 0)) complain("timestamp is not a time after 1970");
  if (problems !== undefined) throw refused(id, problems);
}

function refused(id: string, problems: readonly string[]): OmniBoxError {
  const messageId = id.slice(0, shortStringMaxBytes);
  return new OmniBoxError(
    "BROKER.MESSAGE_REFUSED",
    `message ${messageId} cannot be an AMQP message: ${problems.join("; ")}`,
    { meta: { messageId, problems, mayHaveArrived: false } },
  );
}

function isShort(text: string): boolean {
  // A UTF-16 code unit takes three bytes at most, so most strings need not be measured.
  return text.length <= shortStringMaxBytes / 3 || Buffer.byteLength(text) <= shortStringMaxBytes;
}

function tooLong(field: string, text: string): string {
  return `${field} is ${Buffer.byteLength(text)} bytes long, the limit is ${shortStringMaxBytes}`;
}

function asBuffer(body: Uint8Array): Buffer {
  return Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
}
