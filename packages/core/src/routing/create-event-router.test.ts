import { describe, expect, it } from "vitest";
import { z } from "zod";
import { orderPlaced, step } from "../../test/order-placed.js";
import { sampleInboxEvent } from "../../test/sample-inbox-event.js";
import { defineEvent, type EventDefinition } from "../events/define-event.js";
import { silentAbort } from "../internal/silent-abort.js";
import { silentLogger } from "../protocols/logger.js";
import { createEventRouter } from "./create-event-router.js";
import type { EventRoute, EventRouter, HandlerAnswer, UnversionedEvent } from "./event-router.js";
import type { HandledEvent } from "./handled-event.js";
import type { HandlerContext } from "./handler-context.js";
import { handlerSkipped } from "./handler-result.js";

const anyVersion: UnversionedEvent = { type: "order.placed", topic: "orders" };

/** A router whose handlers do nothing, one per definition. */
function routerOf(...events: (EventDefinition | UnversionedEvent)[]): EventRouter<string> {
  const router = createEventRouter<string>();
  for (const event of events) event.version === undefined ? router.on(event, () => {}) : router.on(event, () => {});
  return router;
}

/** The version of the handler that the event goes to; `undefined`: to none. */
function versionFor(router: EventRouter<string>, schemaVersion: string, topic = "orders", type = "order.placed") {
  return router.route({ topic, type, schemaVersion })?.version;
}

function routed(router: EventRouter<string>, event = sampleInboxEvent()): EventRoute<string, undefined> {
  const route = router.route(event);
  if (route === null) throw new Error("no route");
  return route;
}

const context: HandlerContext<string> = {
  tx: "transaction",
  outbox: { add: () => Promise.resolve([]) },
  signal: silentAbort,
  logger: silentLogger,
  attempt: 1,
  dependencies: undefined,
};

describe("route", () => {
  it("prefers the handler of the version, or of its longest beginning", () => {
    const router = routerOf(anyVersion, orderPlaced("1"), orderPlaced("1.2", [step("1.2.3", "9")]), orderPlaced("9"));
    expect(["1.2.3", "1.2", "1.3", "9.0"].map((version) => versionFor(router, version))).toEqual([
      "1.2",
      "1.2",
      "1",
      "9",
    ]);
  });

  it("else goes the shortest way to a version that has a handler, exact or by its beginning", () => {
    const router = routerOf(
      anyVersion,
      orderPlaced("4", [step("1", "2"), step("2", "3.1"), step("3.1", "4")]),
      orderPlaced("3"),
    );
    expect(["1.0.0", "2", "4.1"].map((version) => versionFor(router, version))).toEqual(["3", "3", "4"]);
  });

  it("else takes the handler without a version, and else has none", () => {
    const versioned = orderPlaced("2", [step("1", "2"), step("5", "6")]);
    expect(versionFor(routerOf(versioned, anyVersion), "5")).toBeNull();
    expect(versionFor(routerOf(versioned), "5")).toBeUndefined();
  });

  it("stays with the topic and type, also for migrations", () => {
    const router = routerOf(
      orderPlaced("2", [step("1", "2")]),
      orderPlaced("1", [], "returns"),
      orderPlaced("3", [], "returns"),
    );
    expect(versionFor(router, "1", "orders")).toBe("2");
    expect(versionFor(router, "1", "returns")).toBe("1");
    expect(versionFor(router, "2", "returns")).toBeUndefined();
    expect(versionFor(router, "1", "orders", "order.paid")).toBeUndefined();
    for (const odd of ["__proto__", "constructor", ""]) {
      expect(versionFor(router, odd)).toBeUndefined();
      expect(versionFor(router, "1", odd)).toBeUndefined();
      expect(versionFor(router, "1", "orders", odd)).toBeUndefined();
    }
  });

  it("compares topics without the blanks around them, at registration and at lookup, and case by case", () => {
    const router = routerOf({ type: "order.placed", topic: " orders " });
    expect(versionFor(router, "1", "orders")).toBeNull();
    expect(versionFor(router, "1", "orders\n")).toBeNull();
    expect(versionFor(router, "1", "Orders")).toBeUndefined();
    expect(() => router.on({ type: "order.placed", topic: "orders" }, () => {})).toThrow(/is handled by/);
  });
});

describe("topics and types", () => {
  it("lists each once, sorted, topics without blanks", () => {
    const router = routerOf(orderPlaced("1", [], "returns"), orderPlaced("1"), orderPlaced("2", [], " orders"), {
      type: "order.paid",
      topic: "orders",
    });
    expect(router.topics()).toEqual(["orders", "returns"]);
    expect(router.types()).toEqual(["order.paid", "order.placed"]);
    expect(createEventRouter().topics()).toEqual([]);
  });
});

describe("on", () => {
  it("refuses a second handler, naming topic, type, version and both", () => {
    function ship() {}
    const router = createEventRouter<string>().on(orderPlaced("1"), ship).on(anyVersion, ship);
    expect(() => router.on(orderPlaced("1"), function bill() {})).toThrow(
      'CONFIG.INVALID_OPTIONS: EventRouter: 1 problem: topic "orders", type "order.placed", version "1" is handled by ship ' +
        "already, so bill was not registered: an event goes to one handler, so call both from one",
    );
    expect(() => router.on(anyVersion, () => {})).toThrow(
      /topic "orders", type "order\.placed", without a version is handled by ship already, so the handler of "order\.placed" was/,
    );
    expect(routed(router).handlerName).toBe("ship");
  });

  it("refuses definitions of one type whose migrations contradict each other", () => {
    const router = routerOf(orderPlaced("2", [step("1", "2")]));
    expect(() => router.on(orderPlaced("3", [step("1", "2")]), () => {})).toThrow(/another migration 1 → 2 already/);
    expect(versionFor(router, "3")).toBeUndefined();
  });

  it.each([
    [undefined, () => {}, /event: /],
    [{ type: "a" }, () => {}, /event\.topic: must be a string/],
    [{ type: "", topic: "b" }, () => {}, /event\.type: must not be empty/],
    [
      { type: "a", topic: "b", version: "1" },
      () => {},
      /event: has a version and no schema: pass what defineEvent returned/,
    ],
    [anyVersion, undefined, /handler: expected a function \(event, context\)/],
  ])("refuses %o with the handler %o", (event, handler, expected) => {
    expect(() => createEventRouter().on(event as never, handler as never)).toThrow(expected);
  });
});

describe("prepare", () => {
  const schema = z.object({ orderId: z.string(), at: z.coerce.date<string>(), currency: z.string().default("EUR") });
  const options = { type: "order.placed", topic: "orders", aggregateType: "order", version: "1", schema };
  const dated = defineEvent(options);

  it("gives the handler the payload in the schema's output form, and the event's own facts", async () => {
    const event = sampleInboxEvent({
      schemaVersion: "1.4",
      payload: { orderId: "1", at: "2026-01-01T00:00:00Z" },
      correlationId: "c",
      headers: { tenant: "t" },
    });
    expect(await routed(routerOf(dated), event).prepare(event)).toEqual({
      messageId: "message-1",
      consumerGroup: "shipping",
      source: "shipping.orders",
      type: "order.placed",
      topic: "orders",
      partitionKey: "order-1",
      headers: { tenant: "t" },
      traceId: null,
      correlationId: "c",
      causationId: null,
      schemaVersion: "1.4",
      receivedVersion: "1.4",
      payload: { orderId: "1", at: new Date("2026-01-01"), currency: "EUR" },
      receivedAt: new Date("2026-01-01"),
    });
  });

  it("migrates before it validates, and says both versions", async () => {
    const router = routerOf(orderPlaced("3", [step("1", "2"), step("2", "3.0")]));
    const prepared = await routed(router).prepare(sampleInboxEvent());
    expect(prepared).toMatchObject({ schemaVersion: "3.0", receivedVersion: "1.0.0", payload: { path: "1>2 2>3.0 " } });
  });

  it("leaves the payload as it was received for a handler without a version", async () => {
    const event = sampleInboxEvent({ payload: { anything: [1] } });
    expect(await routed(routerOf(anyVersion), event).prepare(event)).toMatchObject({
      schemaVersion: "1.0.0",
      payload: { anything: [1] },
    });
  });

  it("asks asynchronous schemas too", async () => {
    const asked = defineEvent({
      ...options,
      schema: schema.refine(async ({ orderId }) => orderId !== "2", "unknown order"),
    });
    const event = sampleInboxEvent({ payload: { orderId: "1", at: "2026-01-01" } });
    await expect(routed(routerOf(asked), event).prepare(event)).resolves.toMatchObject({
      payload: { currency: "EUR" },
    });
    const other = { ...event, payload: { ...event.payload, orderId: "2" } };
    await expect(routed(routerOf(asked), other).prepare(other)).rejects.toMatchObject({
      code: "MESSAGE.SCHEMA_MISMATCH",
    });
  });

  it("refuses what does not fit, naming type, version and field and nothing of the payload", async () => {
    const event = sampleInboxEvent({ payload: { orderId: "4111-1111", at: "ada@example.org" } });
    const quoting = defineEvent({
      ...options,
      schema: schema.refine(() => false, { error: "order 4111-1111 of ada@example.org" }),
    });
    for (const definition of [dated, quoting]) {
      const error = await routed(routerOf(definition), event)
        .prepare(event)
        .catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        code: "MESSAGE.SCHEMA_MISMATCH",
        message: expect.stringContaining(
          'the payload of "order.placed" version 1.0.0 does not match its schema: payload',
        ),
      });
      expect(JSON.stringify([String(error), error])).not.toMatch(/ada|4111/);
    }
  });

  it("names the migration that failed", async () => {
    const failing = { from: "1", to: "2", migrate: () => Promise.reject(new Error("ada@example.org")) };
    const error = await routed(routerOf(orderPlaced("2", [failing])))
      .prepare(sampleInboxEvent())
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: "MESSAGE.MIGRATION_FAILED",
      message: expect.stringContaining('"order.placed" 1 → 2'),
    });
    expect(String(error)).not.toMatch(/ada/);
  });
});

describe("handle", () => {
  async function answerOf(handler: (event: HandledEvent) => HandlerAnswer) {
    const route = routed(createEventRouter<string>().on(anyVersion, handler));
    return route.handle(await route.prepare(sampleInboxEvent()), context);
  }

  it("says what the handler says, and completed when it says nothing", async () => {
    expect(await answerOf(() => {})).toEqual({ status: "completed" });
    expect(await answerOf(async () => {})).toEqual({ status: "completed" });
    expect(await answerOf(() => handlerSkipped("known"))).toEqual({ status: "skipped", reason: "known" });
    expect(await answerOf(async () => handlerSkipped("known"))).toEqual({ status: "skipped", reason: "known" });
  });

  it("rejects with what the handler throws, at once or later", async () => {
    const error = new Error("x");
    const throwing = () => {
      throw error;
    };
    await expect(answerOf(throwing)).rejects.toBe(error);
    await expect(answerOf(() => Promise.reject(error))).rejects.toBe(error);
  });
});
