import fc from "fast-check";
import type { ConsumedMessage } from "../src/protocols/event-consumer.js";

/** Is part of everything that a hostile message holds, so that it can be looked for where no content may be. */
export const marker = "hunter2";

/** Any UTF-16, lone surrogates and control characters too; empty and much too long. */
const wildText = fc.oneof(
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 20 }).map((units) => String.fromCharCode(...units)),
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.constantFrom(
    "",
    "__proto__",
    "constructor",
    "\0",
    "\ud800",
    "1".repeat(300),
    "✅".repeat(200),
    "a".repeat(70_000),
  ),
);
const markedText = wildText.map((text) => (text.length % 2 === 0 ? marker + text : text + marker));
const text = fc.oneof(
  { weight: 1, arbitrary: fc.oneof(wildText, markedText) },
  { weight: 3, arbitrary: fc.constantFrom("order.placed", "message-1", marker) },
);
const textOrNull = fc.option(text);

/** Bodies that the formats with fields in the body can read, or nearly. */
const nearlyFormatted = fc
  .record(
    {
      ...{ id: text, type: text, schemaVersion: text, topic: text, partitionKey: text, traceId: textOrNull },
      headers: fc.dictionary(text, text, { maxKeys: 4 }),
      payload: fc.constantFrom({}, { [marker]: [marker] }),
    },
    { requiredKeys: ["id", "type", "schemaVersion", "topic", "partitionKey", "payload"] },
  )
  .map((members) => JSON.stringify(members));

const wildJson = fc.oneof(
  nearlyFormatted,
  fc.json({ stringUnit: "binary", maxDepth: 4 }),
  fc.jsonValue({ stringUnit: "binary" }).map((value) => JSON.stringify({ [marker]: value, more: marker })),
  fc.constantFrom(
    `{"__proto__":{"${marker}":1}}`,
    `{"constructor":{"prototype":{"${marker}":1}}}`,
    `{"a":"\\ud800${marker}"}`,
    `{"a":"\\u0000${marker}"}`,
    `{"${marker}":1e999}`,
    `{"specversion":"1.0","id":"${marker}","source":"/${marker}","type":"${marker}","data":{"__proto__":1}}`,
    `{"id":"${marker}","type":"t","schemaVersion":"1","topic":"t","partitionKey":"k","payload":{"a":"${marker}"},"headers":{"__proto__":"x"}}`,
    `{"id":{},"type":[],"schemaVersion":1,"topic":null,"partitionKey":true,"payload":"${marker}","headers":"${marker}"}`,
    `{"type":"t","schemaVersion":"1","payload":{"deep":${"[".repeat(200)}"${marker}"${"]".repeat(200)}}}`,
  ),
);
const truncated = fc
  .tuple(wildJson, fc.nat(100))
  .map(([json, cut]) => json.slice(0, Math.floor((json.length * cut) / 100)));
const corrupted = fc.tuple(wildJson, fc.nat(), fc.nat(255)).map(([json, at, byte]) => {
  const bytes = Buffer.from(json);
  if (bytes.length > 0) bytes[at % bytes.length] = byte;
  return bytes;
});

const body: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  corrupted,
  fc.oneof(wildJson, truncated).map((json) => Buffer.from(json)),
);

const knownHeader = fc.constantFrom(
  ...["schema-version", "partition-key", "causation-id", "trace-id", "message-id", "seq"].map((name) => `omni-${name}`),
  ...["specversion", "id", "source", "type", "data", "datacontenttype", "__proto__"].map(
    (name) => `cloudEvents_${name}`,
  ),
  ...["traceparent", "x-death", "__proto__", "OMNI-FORMAT"],
);
const format = fc.constantFrom(
  "raw",
  "schema-versioned",
  "envelope",
  "cloudevents",
  "__proto__",
  "constructor",
  marker,
);
const complete = { "ce-specversion": "1.0", "ce-id": marker, "ce-source": `/${marker}`, "ce-type": marker };

/** Built from entries, so that `__proto__` is a header like any other. */
const headers = fc
  .record({
    entries: fc.array(fc.tuple(fc.oneof(knownHeader, text), text), { maxLength: 12 }),
    filler: fc.constantFrom(0, 0, 0, 200),
    format: fc.option(format),
    cloudEvent: fc.boolean(),
  })
  .map(({ entries, filler, format, cloudEvent }) => {
    const fillers = Array.from({ length: filler }, (_, index): [string, string] => [`${index}`, marker.repeat(50)]);
    const named: [string, string][] = format === null ? [] : [["omni-format", format]];
    return Object.fromEntries([...entries, ...fillers, ...named, ...(cloudEvent ? Object.entries(complete) : [])]);
  });

/** Whatever a sender and a broker can make of a message. */
export const hostileMessage: fc.Arbitrary<ConsumedMessage> = fc.record({
  messageId: textOrNull,
  topic: text,
  type: textOrNull,
  contentType: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(null, "application/json", "application/cloudevents+json") },
    { weight: 1, arbitrary: fc.oneof(textOrNull, fc.constant("application/cloudevents-batch+json")) },
  ),
  contentEncoding: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(null, "utf-8") },
    { weight: 1, arbitrary: fc.oneof(textOrNull, fc.constant("gzip")) },
  ),
  correlationId: textOrNull,
  headers,
  timestamp: fc.constant(null),
  body,
  source: fc.oneof(fc.constant("orders-queue"), text),
  redelivered: fc.boolean(),
  deliveryCount: fc.constant(null),
});

/** So many of them, the same for the same seed. */
export function hostileMessages(seed: number, count: number): readonly ConsumedMessage[] {
  return fc.sample(hostileMessage, { seed, numRuns: count });
}
