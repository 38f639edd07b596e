import { createHash } from "node:crypto";
import { limits } from "../defaults.js";
import type { ConsumedMessage } from "../protocols/event-consumer.js";
import { type BodyMembers, bodyMembers, memberOf } from "./body-members.js";
import {
  attributePrefix,
  cloudEventsFormat,
  cloudEventsVersion,
  fieldAttributes,
  isCloudEventsType,
  prefixIn,
  writtenAttributes,
} from "./cloud-events-attributes.js";
import { ownHeaders, topicOf, traceIdOf } from "./envelope-of.js";
import type { EnvelopeParser } from "./envelope-parser.js";
import { type ForeignMessageOptions, foreignMessageOptions } from "./foreign-message-options.js";
import { eventHeaders } from "./message-converter.js";
import { isJsonType, parseJson, readJsonBody } from "./read-json-body.js";
import { senderSeqOf } from "./sender-seq.js";
import { undecodable } from "./undecodable.js";

/** A CloudEvent in either mode: its attributes as text, its data, and those headers that are no attributes of it. */
interface CloudEvent {
  readonly attributes: ReadonlyMap<string, string>;
  readonly data: unknown;
  readonly headers: Record<string, string>;
}

/**
 * Reads CloudEvents 1.0 with JSON data, structured (`application/cloudevents+json`, not batched) or binary.
 *
 * The extensions `schemaversion`, `partitionkey`, `correlationid`, `causationid`, `traceid` and `traceparent` become the event's
 * fields; a missing partition key is the message id. Other attributes of foreign events (`source`, `subject`, `time`, …) become
 * headers `cloudEvents_<name>`. No data is the payload `{}`. An id that is no UUID is unique only within its source, so the
 * message id is then `<source> <id>`, or its SHA-256 where that is longer than 255 characters.
 *
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS when an option breaks its limit.
 */
export function cloudEventsParser(options: ForeignMessageOptions = {}): EnvelopeParser {
  const { schemaVersion } = foreignMessageOptions("cloudEventsParser", options);
  return Object.freeze<EnvelopeParser>({
    name: cloudEventsFormat,
    parse(message) {
      const { attributes, data, headers } = isCloudEventsType(message.contentType)
        ? structured(message)
        : binary(message);
      if (attributes.get("specversion") !== cloudEventsVersion) {
        throw undecodable(`it is a CloudEvent of another version than ${cloudEventsVersion}`);
      }
      const messageId = messageIdOf(required(attributes, "source"), required(attributes, "id"));
      const traceparent = attributes.get("traceparent") ?? headers.traceparent;
      return {
        messageId,
        type: required(attributes, "type"),
        schemaVersion: attributes.get("schemaversion") ?? schemaVersion,
        topic: topicOf(message),
        partitionKey: attributes.get("partitionkey") ?? messageId,
        payload: data,
        senderSeq: senderSeqOf(message.headers[eventHeaders.seq]),
        headers: withExtensions(headers, attributes, message.headers[eventHeaders.format] === cloudEventsFormat),
        traceId: attributes.get("traceid") ?? traceIdOf(traceparent),
        correlationId: attributes.get("correlationid") ?? message.correlationId,
        causationId: attributes.get("causationid") ?? null,
      };
    },
  });
}

function structured(message: ConsumedMessage): CloudEvent {
  if (!/^application\/cloudevents\+json\s*(?:;|$)/i.test(message.contentType ?? "")) {
    throw undecodable("it is a CloudEvent in a format other than JSON, or a batch of them");
  }
  const body = bodyMembers(message);
  const attributes = new Map<string, string>();
  for (const [name, value] of Object.entries(body)) {
    const isAttribute = name !== "data" && name !== "data_base64";
    // Booleans and integers have a canonical text; an attribute that is `null` is not set.
    if (isAttribute && value !== null && typeof value !== "object") attributes.set(name, String(value));
  }
  // Senders may repeat the attributes among the headers.
  return { attributes, data: dataIn(body, attributes), headers: separate(message).headers };
}

function dataIn(body: BodyMembers, attributes: ReadonlyMap<string, string>): unknown {
  const encoded = memberOf(body, "data_base64") ?? null;
  const data = encoded === null ? memberOf(body, "data") : encoded;
  if (data === undefined) return {};
  if (!isJsonType(attributes.get("datacontenttype") ?? "application/json")) {
    throw undecodable("its data is of another content type than JSON");
  }
  if (encoded === null) return data;
  if (typeof encoded !== "string") throw undecodable('"data_base64" in its body is not a string');
  return parseJson(Buffer.from(encoded, "base64"));
}

function binary(message: ConsumedMessage): CloudEvent {
  const { attributes, headers } = separate(message);
  if (attributes.size === 0) throw undecodable("it carries no CloudEvents attributes");
  return { attributes, headers, data: message.body.length === 0 ? {} : readJsonBody(message) };
}

/** Parts the headers into attributes and others. Without all required attributes there are none. */
function separate(message: ConsumedMessage): Pick<CloudEvent, "headers"> & { attributes: Map<string, string> } {
  const prefix = prefixIn(message.headers);
  const headers = ownHeaders(message.headers);
  const attributes = new Map<string, string>();
  if (prefix === null) return { attributes, headers };
  const others: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith(prefix)) attributes.set(name.slice(prefix.length), value);
    else others[name] = value;
  }
  return { attributes, headers: others };
}

function required(attributes: ReadonlyMap<string, string>, name: string): string {
  const value = attributes.get(name);
  if (value === undefined || value === "") throw undecodable(`the CloudEvents attribute ${name} is missing`);
  return value;
}

const uuid = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

function messageIdOf(source: string, id: string): string {
  if (uuid.test(id) || id.length > limits.messageIdMaxLength) return id;
  // Else two pairs could give the same text.
  if (/\s/.test(source)) throw undecodable("the CloudEvents attribute source is no URI reference");
  const both = `${source} ${id}`;
  if (both.length <= limits.messageIdMaxLength) return both;
  return `sha256:${createHash("sha256").update(both).digest("hex")}`;
}

/** Adds those attributes that are no fields of the event; `ours`: what the converter derives from an event's fields is none of them. */
function withExtensions(
  headers: Record<string, string>,
  attributes: ReadonlyMap<string, string>,
  ours: boolean,
): Record<string, string> {
  const known = ours ? writtenAttributes : fieldAttributes;
  for (const [name, value] of attributes) if (!known.has(name)) headers[attributePrefix + name] = value;
  return headers;
}
