import fc from "fast-check";
import { limits } from "../src/defaults.js";
import { createEventId } from "../src/events/event-id.js";
import type { JsonObject } from "../src/events/json.js";
import type { OutboxEvent } from "../src/events/outbox-event.js";

/** Text of any characters that an event may hold: all but NUL and lone surrogates. */
export function anyText(maxLength: number, minLength = 1): fc.Arbitrary<string> {
  const unit = fc.oneof(
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 1 }),
    fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
  );
  return fc
    .string({ unit, minLength, maxLength: Math.ceil(maxLength / 2), size: "max" })
    .map((text) => text.replaceAll("\0", "x"))
    .filter((text) => text.length <= maxLength && text.length >= minLength);
}

/** Any JSON object that may be a payload. */
export const anyPayload: fc.Arbitrary<JsonObject> = fc
  .dictionary(fc.string({ unit: "binary" }), fc.jsonValue({ stringUnit: "binary", maxDepth: 5 }))
  .map((value) => JSON.stringify(value).replaceAll("__proto__", "proto").replaceAll("\\u0000", "x"))
  // As it comes out of a stored row, where there is no -0.
  .map((text) => JSON.parse(text) as JsonObject);

const headerName = fc
  .oneof(
    { weight: 4, arbitrary: anyText(limits.headerKeyMaxLength) },
    // Names that mean something to somebody else.
    fc.constantFrom(
      "ce-id",
      "ce_type",
      "cloudEvents:source",
      "cloudEvents_tenant",
      "x-death",
      "constructor",
      "toString",
    ),
  )
  .filter((name) => name !== "__proto__" && !/^omni-/i.test(name));

const anyHeaders = fc.dictionary(headerName, fc.oneof(fc.constant(""), anyText(40)), {
  maxKeys: 8,
  noNullPrototype: true,
});

const anyId = fc.option(anyText(limits.contextIdMaxLength));

/** Any event that an outbox may hold. */
export const anyEvent: fc.Arbitrary<OutboxEvent> = fc
  .record({
    type: anyText(40),
    schemaVersion: anyText(limits.schemaVersionMaxLength),
    topic: anyText(60),
    aggregateType: anyText(limits.aggregateTypeMaxLength),
    aggregateId: anyText(limits.aggregateIdMaxLength),
    partitionKey: anyText(limits.partitionKeyMaxLength),
    payload: anyPayload,
    headers: anyHeaders,
    traceId: fc.option(fc.oneof(anyText(limits.contextIdMaxLength), fc.constant(traceparent()))),
    correlationId: anyId,
    causationId: anyId,
    idempotencyKey: fc.option(anyText(20)),
    seq: fc.bigInt(1n, 2n ** 63n - 1n),
    createdAt: fc.date({ min: new Date(0), max: new Date("9999-12-31T23:59:59.999Z"), noInvalidDate: true }),
  })
  .map((fields) => ({
    ...fields,
    id: createEventId(fields.idempotencyKey),
    bucket: 0,
    status: "pending",
    attemptsMade: 0,
    maxAttempts: 10,
    startedAttempts: 0,
    lastError: null,
    scheduledAt: null,
    nextAttemptAt: null,
    completedAt: null,
    lease: null,
  }));

/** As W3C Trace Context shows it. */
export function traceparent(): string {
  return "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
}
