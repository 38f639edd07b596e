import { describe, expect, it } from "vitest";
import { sampleDraft, storeEvents } from "../../test/sample-events.js";
import type { OutboxEvent } from "../events/outbox-event.js";
import type { OutgoingMessage } from "../protocols/event-publisher.js";
import { createManualClock } from "../testing/manual-clock.js";
import { createMemoryOutboxRepository } from "../testing/memory-outbox-repository.js";
import { envelopeConverter } from "./envelope-converter.js";
import { eventHeaders } from "./message-converter.js";
import { rawConverter } from "./raw-converter.js";
import { schemaVersionedConverter } from "./schema-versioned-converter.js";

const repository = createMemoryOutboxRepository({ clock: createManualClock(Date.UTC(2026, 0, 2, 3, 4, 5, 6)) });
const payload = { customer: "Ada ✅", lines: [{ price: 1.5 }], note: null };
const [full, bare] = (await storeEvents(repository, [
  sampleDraft({
    aggregateId: "order-1",
    partitionKey: "customer-7",
    payload,
    headers: { tenant: "größe" },
    traceId: "trace",
    correlationId: "correlation",
    causationId: "causation",
  }),
  sampleDraft({ payload: {} }),
])) as [OutboxEvent, OutboxEvent];

const bodyOf = ({ body }: OutgoingMessage): unknown => JSON.parse(new TextDecoder().decode(body));

describe.each([
  ["raw", rawConverter()],
  ["schema-versioned", schemaVersionedConverter()],
  ["envelope", envelopeConverter()],
])("the %s format", (format, converter) => {
  it("keeps identity, address and everything that is not the payload outside the body", () => {
    const { body, ...message } = converter.toMessage(full);
    expect(body).toBeInstanceOf(Uint8Array);
    expect(message).toEqual({
      id: full.id,
      topic: "orders",
      type: "order.placed",
      partitionKey: "customer-7",
      contentType: "application/json",
      correlationId: "correlation",
      timestamp: full.createdAt,
      headers: {
        tenant: "größe",
        "omni-format": format,
        "omni-schema-version": "1",
        "omni-aggregate-type": "order",
        "omni-aggregate-id": "order-1",
        "omni-partition-key": "customer-7",
        "omni-seq": "1",
        "omni-causation-id": "causation",
        "omni-trace-id": "trace",
      },
    });
    expect(converter.name).toBe(format);
  });

  it("leaves out what an event does not have", () => {
    const { correlationId, headers } = converter.toMessage(bare);
    expect(correlationId).toBeNull();
    expect(Object.keys(headers).sort()).toEqual(
      [
        eventHeaders.format,
        eventHeaders.schemaVersion,
        eventHeaders.aggregateType,
        eventHeaders.aggregateId,
        eventHeaders.partitionKey,
        eventHeaders.seq,
      ].sort(),
    );
  });

  it("does not keep or change the event", () => {
    const before = structuredClone(full);
    const first = converter.toMessage(full);
    first.body.fill(0);
    Object.assign(first.headers, { tenant: "changed" });
    expect(full).toEqual(before);
    expect(converter.toMessage(full).headers.tenant).toBe("größe");
    expect(bodyOf(converter.toMessage(full))).toBeDefined();
  });
});

describe("the body", () => {
  it("is the payload and nothing else, raw", () => {
    expect(bodyOf(rawConverter().toMessage(full))).toEqual(payload);
  });

  it("names type and version beside the payload, schema-versioned", () => {
    expect(bodyOf(schemaVersionedConverter().toMessage(full))).toEqual({
      type: "order.placed",
      schemaVersion: "1",
      payload,
    });
  });

  it("is the whole event, as an envelope", () => {
    expect(bodyOf(envelopeConverter().toMessage(full))).toEqual({
      id: full.id,
      seq: "1",
      type: "order.placed",
      schemaVersion: "1",
      topic: "orders",
      aggregateType: "order",
      aggregateId: "order-1",
      partitionKey: "customer-7",
      correlationId: "correlation",
      causationId: "causation",
      traceId: "trace",
      occurredAt: "2026-01-02T03:04:05.006Z",
      headers: { tenant: "größe" },
      payload,
    });
  });
});
