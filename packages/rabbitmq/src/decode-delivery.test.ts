import { describe, expect, it } from "vitest";
import { decodeDelivery } from "./decode-delivery.js";

const fields = { deliveryTag: 1, redelivered: false, routingKey: "orders" };
const content = Buffer.from("body");
const decode = (properties: object, redelivered = false, counts = true) =>
  decodeDelivery({ fields: { ...fields, redelivered }, properties, content }, "shipping", counts);

describe("a delivery", () => {
  it("keeps every property", () => {
    const properties = {
      messageId: "id",
      type: "order.placed",
      contentType: "application/json",
      contentEncoding: "gzip",
      correlationId: "c",
      timestamp: 1_700_000_000,
      headers: { a: "1" },
    };

    expect(decode(properties)).toEqual({
      ...properties,
      topic: "orders",
      timestamp: new Date(1_700_000_000_000),
      body: content,
      source: "shipping",
      redelivered: false,
      deliveryCount: 0,
    });
  });

  it("without properties has none", () => {
    expect(decode({})).toMatchObject({ messageId: null, type: null, contentType: null, timestamp: null, headers: {} });
  });

  it.each([
    ["text", "a", "a"],
    ["a boolean", false, "false"],
    ["an integer", -5, "-5"],
    ["a fraction", 0.25, "0.25"],
    ["a large double", 1e300, "1e+300"],
    ["a bigint", 2n ** 60n, "1152921504606846976"],
    ["a 64-bit integer that lost digits on the way", 2 ** 60 + 1, undefined],
    ["no number", Number.NaN, undefined],
    ["infinity", Number.NEGATIVE_INFINITY, undefined],
    ["nothing", null, undefined],
    ["a time", { "!": "timestamp", value: 0 }, "1970-01-01T00:00:00.000Z"],
    ["an absurd time", { "!": "timestamp", value: 2 ** 63 }, undefined],
    ["a decimal", { "!": "decimal", value: { places: 2, digits: 5 } }, "0.05"],
    ["a whole decimal", { "!": "decimal", value: { places: 0, digits: 12 } }, "12"],
    ["what looks like a decimal", { "!": "decimal", value: { places: "x", digits: [] } }, undefined],
    ["bytes that are text", Buffer.from("ä"), "ä"],
    ["bytes that are none", Buffer.from([0xff, 0xfe]), undefined],
    ["a list", ["a", 1], undefined],
    ["a table", { a: "b" }, undefined],
    ["a table without a prototype", Object.create(null), undefined],
  ])("has a header with the text of %s, if there is one", (_what, value, text) => {
    expect(decode({ headers: { h: value } }).headers).toEqual(text === undefined ? {} : { h: text });
  });

  it("cannot reach the prototype of anything", () => {
    const hostile = JSON.parse('{"__proto__": "x", "constructor": "c", "toString": "t", "hasOwnProperty": "h"}');
    // What amqplib makes of a table under that name.
    const inherited = Object.create({ "x-delivery-count": 9, polluted: "yes" });

    expect(decode({ headers: hostile }).headers).toEqual({ constructor: "c", toString: "t", hasOwnProperty: "h" });
    expect(decode({ headers: inherited }, true)).toMatchObject({ headers: {}, deliveryCount: null });
    expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
  });

  it.each([[1.5], [-1], [253_402_300_800], [2 ** 64], [Number.NaN], ["1700000000"]])(
    "with the absurd time %s has none",
    (timestamp) => {
      expect(decode({ timestamp }).timestamp).toBeNull();
    },
  );
});

describe("the delivery count", () => {
  it("is the broker's, and only where the broker set it", () => {
    const headers = { "x-delivery-count": 3 };

    expect(decode({ headers }, true).deliveryCount).toBe(3);
    expect(decode({ headers }, false).deliveryCount).toBe(0);
    expect(decode({ headers }, true, false).deliveryCount).toBeNull();
  });

  it.each([undefined, "3", -1, 0.5, null])("is unknown when a redelivery has it as %j", (count) => {
    expect(decode({ headers: { "x-delivery-count": count } }, true).deliveryCount).toBeNull();
  });
});
