import { describe, expect, it } from "vitest";
import { traceparent } from "../../test/any-event.js";
import { sampleDraft, storeEvents } from "../../test/sample-events.js";
import type { OutboxEventInput } from "../events/create-outbox-event.js";
import type { OutboxEvent } from "../events/outbox-event.js";
import type { OutgoingMessage } from "../protocols/event-publisher.js";
import { createManualClock } from "../testing/manual-clock.js";
import { createMemoryOutboxRepository } from "../testing/memory-outbox-repository.js";
import { cloudEventsConverter } from "./cloud-events-converter.js";

const source = "https://shop.example/orders";
const structured = cloudEventsConverter({ mode: "structured", source });
const binary = cloudEventsConverter({ mode: "binary", source });

async function storedEvent(changes: Partial<OutboxEventInput> = {}): Promise<OutboxEvent> {
  const repository = createMemoryOutboxRepository({ clock: createManualClock(Date.UTC(2026, 0, 2, 3, 4, 5, 6)) });
  const [event] = await storeEvents(repository, [sampleDraft(changes)]);
  if (event === undefined) throw new Error("the event was not stored");
  return event;
}

const context = { traceId: "trace", correlationId: "correlation", causationId: "causation" };
const bodyOf = ({ body }: OutgoingMessage): Record<string, unknown> => JSON.parse(new TextDecoder().decode(body));

describe("a structured CloudEvent", () => {
  it("is one JSON document of the media type that says so, with all attributes", async () => {
    const event = await storedEvent({ ...context, partitionKey: "customer-7", payload: { total: 1 } });
    const message = structured.toMessage(event);
    expect(message.contentType).toBe("application/cloudevents+json; charset=UTF-8");
    expect(bodyOf(message)).toEqual({
      specversion: "1.0",
      id: event.id,
      source,
      type: "order.placed",
      subject: "order-1",
      time: "2026-01-02T03:04:05.006Z",
      datacontenttype: "application/json",
      aggregatetype: "order",
      schemaversion: "1",
      partitionkey: "customer-7",
      correlationid: "correlation",
      causationid: "causation",
      traceid: "trace",
      data: { total: 1 },
    });
  });

  it("leaves out what the event does not have", async () => {
    const body = bodyOf(structured.toMessage(await storedEvent()));
    expect(body).not.toHaveProperty("correlationid");
    expect(body).not.toHaveProperty("causationid");
    expect(body).not.toHaveProperty("traceid");
    expect(body).not.toHaveProperty("traceparent");
  });

  it("carries a trace context, whether it is the trace id or a header", async () => {
    const asId = await storedEvent({ traceId: traceparent() });
    const asHeader = await storedEvent({ traceId: "other", headers: { traceparent: traceparent() } });
    expect(bodyOf(structured.toMessage(asId))).toMatchObject({ traceid: traceparent(), traceparent: traceparent() });
    expect(bodyOf(structured.toMessage(asHeader))).toMatchObject({ traceid: "other", traceparent: traceparent() });
  });

  it("has attribute names of lower-case letters and digits only, as the specification wants", async () => {
    const { data, ...attributes } = bodyOf(
      structured.toMessage(await storedEvent({ ...context, traceId: traceparent() })),
    );
    expect(data).toBeDefined();
    for (const name of Object.keys(attributes)) expect(name).toMatch(/^[a-z0-9]{1,20}$/);
  });
});

describe("a binary CloudEvent", () => {
  it("has the payload as its body and the attributes as headers beside the user's", async () => {
    const event = await storedEvent({ ...context, payload: { total: 1 }, headers: { tenant: "größe" } });
    const message = binary.toMessage(event);
    expect(message.contentType).toBe("application/json");
    expect(bodyOf(message)).toEqual({ total: 1 });
    expect(message.headers).toMatchObject({
      tenant: "größe",
      "omni-format": "cloudevents",
      cloudEvents_specversion: "1.0",
      cloudEvents_id: event.id,
      cloudEvents_source: source,
      cloudEvents_type: "order.placed",
      cloudEvents_subject: "order-1",
      cloudEvents_time: "2026-01-02T03:04:05.006Z",
      cloudEvents_schemaversion: "1",
      cloudEvents_partitionkey: "order-1",
      cloudEvents_correlationid: "correlation",
    });
    expect(message.headers).not.toHaveProperty("cloudEvents_datacontenttype");
  });

  it("does not let a user's header pass for an attribute that the event lacks", async () => {
    const headers = { cloudEvents_id: "forged", cloudEvents_correlationid: "forged", cloudEvents_tenant: "acme" };
    const event = await storedEvent({ headers });
    const message = binary.toMessage(event);
    expect(message.headers).toMatchObject({ cloudEvents_id: event.id, cloudEvents_tenant: "acme" });
    expect(message.headers).not.toHaveProperty("cloudEvents_correlationid");
  });
});

describe("cloudEventsConverter", () => {
  it.each([
    ["a missing mode", { source }, /mode/],
    ["an unknown mode", { mode: "batched", source }, /mode/],
    ["a missing source", { mode: "binary" }, /source/],
    ["an empty source", { mode: "binary", source: "" }, /source.*URI reference/],
    ["a source with a blank", { mode: "binary", source: "my shop" }, /source.*URI reference/],
    ["a source that is too long", { mode: "binary", source: "a".repeat(256) }, /source.*255.*256/],
  ])("refuses %s", (_name, options, message) => {
    expect(() => cloudEventsConverter(options as never)).toThrow(message);
  });

  it.each([
    "https://shop.example/orders?a=b#c",
    "urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66",
    "/orders",
    "orders%20x",
  ])("takes %s as a source", (source) => {
    expect(cloudEventsConverter({ mode: "binary", source }).name).toBe("cloudevents");
  });
});
