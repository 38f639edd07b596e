/** The version of the specification that is written and read. */
export const cloudEventsVersion = "1.0";

/** Names this format in the header `omni-format`. */
export const cloudEventsFormat = "cloudevents";

/**
 * How attributes are marked among the headers of a message. The first is written: the AMQP binding prefers it, for the sake of
 * selectors, and wants both of the first two to be read; the others are those of HTTP and Kafka, which bridges leave as they are.
 *
 * @see https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/amqp-protocol-binding.md section 3.1.3.1
 */
export const attributePrefixes = ["cloudEvents_", "cloudEvents:", "ce-", "ce_"] as const;

/** The prefix that is written. */
export const attributePrefix: string = attributePrefixes[0];

/** Attributes that become fields of the event, besides `traceparent`, which is only looked at. */
export const fieldAttributes: ReadonlySet<string> = new Set([
  "specversion",
  "id",
  "type",
  "datacontenttype",
  "schemaversion",
  "partitionkey",
  "correlationid",
  "causationid",
  "traceid",
]);

/** All attributes that `cloudEventsConverter` writes. */
export const writtenAttributes: ReadonlySet<string> = new Set([
  ...fieldAttributes,
  "source",
  "subject",
  "time",
  "aggregatetype",
  "traceparent",
]);

const requiredNames = attributePrefixes.map((prefix) => ({
  prefix,
  names: ["specversion", "id", "source", "type"].map((name) => prefix + name),
}));

/** The prefix under which the headers carry all required attributes; `null` when they do not (the AMQP binding, section 3). */
export function prefixIn(headers: Readonly<Record<string, string>>): string | null {
  const found = requiredNames.find(({ names }) => names.every((name) => headers[name] !== undefined));
  return found?.prefix ?? null;
}

/** Whether the content type is of CloudEvents' structured mode, in whatever event format. */
export function isCloudEventsType(contentType: string | null): boolean {
  return contentType !== null && /^application\/cloudevents/i.test(contentType);
}
