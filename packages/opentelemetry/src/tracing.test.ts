import {
  cloudEventsConverter,
  envelopeConverter,
  type MessageConverter,
  OmniBoxError,
  outcome,
  PermanentError,
  schemaVersionedConverter,
} from "@omni-box/core";
import { context, propagation, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { AlwaysOffSampler, type ReadableSpan } from "@opentelemetry/sdk-trace-node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CollectedSpans, collectSpans } from "../test/collect-spans.js";
import { createTracingScene, orderPlaced, ShipmentPrepared, secret } from "../test/tracing-scene.js";
import { tracedMessages } from "./traced-messages.js";
import { tracing } from "./tracing.js";

let collected: CollectedSpans;

beforeEach(() => {
  collected = collectSpans();
});

afterEach(() => collected.close());

/** Runs as a request that is handled in a span of its own. */
async function asCaller<T>(work: () => Promise<T>): Promise<{ traceId: string; result: T }> {
  return trace.getTracer("test").startActiveSpan("POST /orders", { root: true }, async (span) => {
    const result = await work();
    span.end();
    return { traceId: span.spanContext().traceId, result };
  });
}

function shown(spans: readonly ReadableSpan[]): string {
  return JSON.stringify(
    spans.map(({ name, attributes, status, events, links }) => [name, attributes, status, events, links]),
  );
}

describe("tracing", () => {
  it("makes one trace from the caller over relay, consumer and handler to what the handler publishes", async () => {
    const scene = createTracingScene({
      handle: async (_event, { outbox }) => {
        await outbox.add(ShipmentPrepared.create({ aggregateId: "s-1", payload: { orderId: "order-1" } }));
      },
    });
    await scene.start();
    const { traceId } = await asCaller(() => scene.outbox.add({}, orderPlaced()));
    await scene.received(1);
    await scene.shippingRelay.drain();
    await scene.stop();
    expect(collected.tree(traceId)).toEqual([
      "nothing > POST /orders",
      "POST /orders > publish orders",
      "publish orders > process orders",
      "process orders > publish shipments",
    ]);
    expect(scene.outbox.added.map((event) => event.traceId)).toEqual([traceId]);
    expect(scene.shippingOutbox.added.map((event) => event.traceId)).toEqual([traceId]);
    expect(shown(collected.spans)).not.toContain(secret);
  });

  it("names spans and attributes as the conventions for messaging do", async () => {
    const scene = createTracingScene();
    await scene.start();
    await scene.outbox.add({}, orderPlaced(), { correlationId: "request-7" });
    await scene.received(1);
    await scene.stop();
    const [stored] = scene.outbox.added;
    const common = {
      "messaging.system": "rabbitmq",
      "messaging.destination.name": "orders",
      "messaging.rabbitmq.destination.routing_key": "orders",
      "messaging.message.id": stored?.id,
      "messaging.message.conversation_id": "request-7",
      "omni_box.event.type": "order.placed",
      "omni_box.event.attempt": 1,
      "omni_box.outcome": "completed",
    };
    const published = collected.only("publish orders");
    expect(published.kind).toBe(SpanKind.PRODUCER);
    expect(published.attributes).toEqual({
      ...common,
      "messaging.operation.name": "publish",
      "messaging.operation.type": "send",
    });
    const processed = collected.only("process orders");
    expect(processed.kind).toBe(SpanKind.CONSUMER);
    expect(processed.attributes).toEqual({
      ...common,
      "messaging.operation.name": "process",
      "messaging.operation.type": "process",
      "messaging.consumer.group.name": "shipping",
      "messaging.destination.subscription.name": "shipping.orders",
    });
    expect(processed.status).toEqual({ code: SpanStatusCode.UNSET });
  });

  it("gives each of several messages of one transaction its own span as the context of its handler", async () => {
    const seen: (string | undefined)[] = [];
    const scene = createTracingScene({
      inbox: { batchSize: 10 },
      handle: async (event) => {
        await Promise.resolve();
        seen.push(`${event.messageId} ${trace.getActiveSpan()?.spanContext().spanId}`);
      },
    });
    const { result } = await asCaller(() => scene.outbox.add({}, ["a", "b", "c"].map(orderPlaced)));
    await scene.start();
    await scene.received(3);
    await scene.stop();
    const spans = collected.named("process orders");
    const expected = result.map(({ id }) => {
      const span = spans.find(({ attributes }) => attributes["messaging.message.id"] === id);
      return `${id} ${span?.spanContext().spanId}`;
    });
    expect(seen).toHaveLength(3);
    expect(seen).toEqual(expect.arrayContaining(expected));
  });

  it("goes on with the trace of events that are stored first and handled later", async () => {
    const scene = createTracingScene({ inbox: { mode: "storeThenProcess" } });
    await scene.start();
    const { traceId } = await asCaller(() => scene.outbox.add({}, orderPlaced()));
    await scene.received(1);
    await scene.consumer.drain();
    await scene.stop();
    expect(collected.tree(traceId)).toEqual([
      "nothing > POST /orders",
      "POST /orders > publish orders",
      "publish orders > process orders",
    ]);
  });

  it("tells by its code what an event failed over, and nothing of the payload", async () => {
    const scene = createTracingScene({
      handle: () => {
        throw new PermanentError("the order is unknown");
      },
    });
    await scene.start();
    await scene.outbox.add({}, orderPlaced());
    await scene.received(1);
    await scene.stop();
    const span = collected.only("process orders");
    expect(span.attributes).toMatchObject({ "error.type": "INBOX.HANDLER_FAILED", "omni_box.outcome": "failed" });
    expect(span.status).toMatchObject({
      code: SpanStatusCode.ERROR,
      message: "INBOX.HANDLER_FAILED: the order is unknown",
    });
    expect(shown(collected.spans)).not.toContain(secret);
  });

  it("makes a span for every attempt of an event, each a child of the caller", async () => {
    const scene = createTracingScene();
    scene.broker.nackNext(1);
    await scene.start();
    const { traceId } = await asCaller(() => scene.outbox.add({}, orderPlaced()));
    await scene.received(1);
    await scene.stop();
    const attempts = collected
      .named("publish orders")
      .map(({ attributes, parentSpanContext }) => [
        attributes["omni_box.event.attempt"],
        attributes["error.type"],
        parentSpanContext?.traceId,
      ]);
    expect(attempts).toEqual([
      [1, "BROKER.NACKED", traceId],
      [2, undefined, traceId],
    ]);
  });

  it.each<[string, MessageConverter]>([
    ["schema-versioned", schemaVersionedConverter()],
    ["structured CloudEvents", cloudEventsConverter({ mode: "structured", source: "https://shop.example" })],
    ["binary CloudEvents", cloudEventsConverter({ mode: "binary", source: "https://shop.example" })],
  ])("makes the publication the parent of the handling also of messages that travel as %s", async (_name, format) => {
    const scene = createTracingScene({ converter: tracedMessages(format) });
    await scene.start();
    const { traceId } = await asCaller(() => scene.outbox.add({}, orderPlaced()));
    await scene.received(1);
    await scene.stop();
    expect(collected.tree(traceId)).toEqual([
      "nothing > POST /orders",
      "POST /orders > publish orders",
      "publish orders > process orders",
    ]);
  });

  it("is one trace also without tracedMessages, and with a format that has its own headers", async () => {
    const scene = createTracingScene({ converter: envelopeConverter() });
    await scene.start();
    const { traceId } = await asCaller(() => scene.outbox.add({}, orderPlaced()));
    await scene.received(1);
    await scene.stop();
    expect(collected.tree(traceId)).toEqual([
      "nothing > POST /orders",
      "POST /orders > publish orders",
      "POST /orders > process orders",
    ]);
  });

  it("begins a trace of its own for an event that brings none, and takes none of the worker's", async () => {
    const scene = createTracingScene();
    await scene.outbox.add({}, orderPlaced());
    const { traceId } = await asCaller(async () => scene.start());
    await scene.received(1);
    await scene.stop();
    expect(collected.only("publish orders").parentSpanContext).toBeUndefined();
    expect(collected.tree(traceId)).toEqual(["nothing > POST /orders"]);
  });

  it("can begin a trace of its own for what is received, with a link to the sender's", async () => {
    const scene = createTracingScene({ step: tracing({ received: "link" }) });
    await scene.start();
    await asCaller(() => scene.outbox.add({}, orderPlaced()));
    await scene.received(1);
    await scene.stop();
    const published = collected.only("publish orders").spanContext();
    const processed = collected.only("process orders");
    expect(processed.parentSpanContext).toBeUndefined();
    expect(processed.spanContext().traceId).not.toBe(published.traceId);
    expect(processed.links.map(({ context }) => context.spanId)).toEqual([published.spanId]);
  });

  it("keeps the caller's decision to record nothing", async () => {
    await collected.close();
    collected = collectSpans({ sampler: new AlwaysOffSampler() });
    const scene = createTracingScene();
    await scene.start();
    const { traceId } = await asCaller(() => scene.outbox.add({}, orderPlaced()));
    await scene.received(1);
    await scene.stop();
    expect(collected.spans).toEqual([]);
    expect(scene.outbox.added[0]?.headers.traceparent).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-00$`));
  });

  it("never decides about an event: what the SDK throws costs its spans only, and one line of the log", async () => {
    const errors: string[] = [];
    const log = () => undefined;
    const logger = {
      debug: log,
      info: log,
      warn: log,
      error: (_fields: object, line: string) => void errors.push(line),
    };
    const throwing = {
      startSpan() {
        throw new Error("no spans today");
      },
    };
    const step = tracing({ tracer: throwing as never });
    const event = { headers: {}, traceId: null, topic: "orders" };
    const context = { logger };
    for (const _ of [1, 2]) {
      const answer = await step(event as never, context as never, () => Promise.resolve(outcome.completed()));
      expect(answer).toEqual(outcome.completed());
    }
    expect(errors).toEqual(["tracing throws; its spans are incomplete"]);
  });

  it("refuses options that it does not know", () => {
    expect(() => tracing({ received: "ignore" as never })).toThrow(OmniBoxError);
  });
});

describe("headers of a stranger", () => {
  const valid = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const hostile: Record<string, Record<string, string>> = {
    "an invalid traceparent": { traceparent: "'; DROP TABLE orders; --" },
    "an empty traceparent": { traceparent: "" },
    "a traceparent of zeros": { traceparent: `00-${"0".repeat(32)}-${"0".repeat(16)}-00` },
    "a traceparent of a version that must not be": { traceparent: valid.replace("00-", "ff-") },
    "a traceparent as long as a header may be": { traceparent: "0".repeat(512) },
    "an oversized tracestate": {
      traceparent: valid,
      tracestate: Array.from({ length: 60 }, (_, n) => `k${n}=v`).join(","),
    },
    "a broken tracestate": { traceparent: valid, tracestate: "=,,=;\u0007" },
    "a broken baggage": { traceparent: valid, baggage: "%E0%A4%A,=;;,__proto__=1,a=%" },
    "headers named like members of every object": { constructor: "1", toString: "1", hasOwnProperty: "1" },
  };

  for (const [name, headers] of Object.entries(hostile)) {
    it(`cost nothing but the trace: ${name}`, async () => {
      const handled: string[] = [];
      const scene = createTracingScene({ handle: ({ messageId }) => void handled.push(messageId) });
      await scene.start();
      scene.broker.publishRaw("shipping.orders", {
        messageId: "m-1",
        topic: "orders",
        type: "order.placed",
        contentType: "application/json",
        body: Buffer.from('{"orderId":"1","card":"x"}'),
        headers,
      });
      await scene.received(1);
      await scene.stop();
      expect(handled).toEqual(["m-1"]);
      expect(collected.only("process orders").status.code).toBe(SpanStatusCode.UNSET);
    });
  }

  it("do not reach the prototype of anything through a propagator", async () => {
    const scene = createTracingScene();
    await scene.start();
    scene.broker.publishRaw("shipping.orders", {
      messageId: "m-1",
      topic: "orders",
      type: "order.placed",
      contentType: "application/json",
      body: Buffer.from('{"orderId":"1","card":"x"}'),
      headers: JSON.parse('{"__proto__":"x","traceparent":"x"}') as Record<string, string>,
    });
    await scene.received(1);
    await scene.stop();
    expect(Reflect.get({}, "traceparent")).toBeUndefined();
  });
});

describe("the context of an event", () => {
  it("leaves out what cannot be stored, and the event is added", async () => {
    const scene = createTracingScene();
    const baggage = propagation.createBaggage({ big: { value: "x".repeat(1_000) } });
    await asCaller(() =>
      context.with(propagation.setBaggage(context.active(), baggage), () => scene.outbox.add({}, orderPlaced())),
    );
    expect(Object.keys(scene.outbox.added[0]?.headers ?? {})).toEqual(["traceparent"]);
  });

  it("is nothing outside of a span", async () => {
    const scene = createTracingScene();
    await scene.outbox.add({}, orderPlaced());
    expect(scene.outbox.added[0]).toMatchObject({ headers: {}, traceId: null });
  });
});
