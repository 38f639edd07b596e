import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyEvent } from "../../test/any-event.js";
import { delivered } from "../../test/consumed-message.js";
import type { OutboxEvent } from "../events/outbox-event.js";
import { decodeMessage } from "../inbox/decode-message.js";
import { anyParser } from "./any-parser.js";
import { cloudEventsConverter } from "./cloud-events-converter.js";
import { cloudEventsParser } from "./cloud-events-parser.js";
import { envelopeParser } from "./envelope-body-parser.js";
import { envelopeConverter } from "./envelope-converter.js";
import type { EnvelopeData } from "./envelope-parser.js";
import { rawConverter } from "./raw-converter.js";
import { rawParser } from "./raw-parser.js";
import { schemaVersionedConverter } from "./schema-versioned-converter.js";
import { schemaVersionedParser } from "./schema-versioned-parser.js";

const source = "https://shop.example/orders";

function envelopeOf(event: OutboxEvent): EnvelopeData {
  const { id, type, schemaVersion, topic, partitionKey, payload, headers, traceId, correlationId, causationId } = event;
  return {
    messageId: id,
    type,
    schemaVersion,
    topic,
    partitionKey,
    payload,
    senderSeq: event.seq,
    headers,
    traceId,
    correlationId,
    causationId,
  };
}

describe.each([
  ["raw", rawConverter(), rawParser()],
  ["schema-versioned", schemaVersionedConverter(), schemaVersionedParser()],
  ["envelope", envelopeConverter(), envelopeParser()],
  ["structured CloudEvents", cloudEventsConverter({ mode: "structured", source }), cloudEventsParser()],
  ["binary CloudEvents", cloudEventsConverter({ mode: "binary", source }), cloudEventsParser()],
])("an event that travels as %s", (_name, converter, parser) => {
  it("is the same event when it is read again, by its own parser and by the one for all formats", () => {
    fc.assert(
      fc.property(anyEvent, (event) => {
        const message = delivered(converter.toMessage(event));
        expect(parser.parse(message)).toEqual(envelopeOf(event));
        expect(anyParser().parse(message)).toEqual(envelopeOf(event));
      }),
    );
  });

  it("can be stored by the inbox with nothing dropped", () => {
    fc.assert(
      fc.property(anyEvent, (event) => {
        const options = { consumerGroup: "billing", parser: anyParser(), messageMaxBytes: 1_048_576, maxAttempts: 3 };
        const { draft, failure } = decodeMessage(delivered(converter.toMessage(event)), options);
        expect(failure).toBeNull();
        expect(draft).toMatchObject(envelopeOf(event));
        expect(draft.headers).toEqual(event.headers);
        expect(JSON.stringify(draft.payload)).toBe(JSON.stringify(event.payload));
      }),
    );
  });

  it("has the type and the name of the format that the parser of that name reads", () => {
    expect(parser.name).toBe(converter.name);
  });
});
