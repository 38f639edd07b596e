import type { OutgoingMessage } from "@omni-box/core";
import { describe, expect, it } from "vitest";
import { encodeMessage, headerFrameBytes } from "./encode-message.js";

const message: OutgoingMessage = {
  id: "0190c9b4-0000-7000-8000-000000000001",
  topic: "orders",
  type: "order.placed",
  partitionKey: "order-1",
  contentType: "application/json",
  body: Buffer.from("{}"),
  headers: { traceparent: "00-1" },
  correlationId: "checkout-7",
  timestamp: new Date("2026-03-01T10:00:00.999Z"),
};

describe("encoding a message", () => {
  it("makes it persistent and mandatory, with its id and the time in whole seconds", () => {
    expect(encodeMessage(message, "shop")).toEqual({
      id: message.id,
      routingKey: "orders",
      body: message.body,
      properties: {
        mandatory: true,
        deliveryMode: 2,
        messageId: message.id,
        type: "order.placed",
        timestamp: 1_772_359_200,
        contentType: "application/json",
        correlationId: "checkout-7",
        appId: "shop",
        headers: { traceparent: "00-1" },
      },
    });
  });

  it("leaves out what is not there", () => {
    const { properties } = encodeMessage({ ...message, correlationId: null }, undefined);

    expect(Object.keys(properties)).not.toEqual(expect.arrayContaining(["correlationId", "appId"]));
  });

  it("takes texts of exactly 255 bytes", () => {
    const longest = `${"é".repeat(127)}e`;

    expect(() => encodeMessage({ ...message, id: longest, type: longest, topic: longest }, undefined)).not.toThrow();
  });

  it("refuses what does not fit and names all of it, without a byte of the body", () => {
    const misfit: OutgoingMessage = {
      ...message,
      topic: "t".repeat(256),
      type: "é".repeat(128),
      headers: { CC: "a", BCC: "b", ["n".repeat(256)]: "v" },
      timestamp: new Date(Number.NaN),
      body: Buffer.from("secret"),
    };

    expect(() => encodeMessage(misfit, undefined)).toThrow(
      expect.objectContaining({
        code: "BROKER.MESSAGE_REFUSED",
        message: expect.not.stringContaining("secret"),
        meta: {
          messageId: message.id,
          mayHaveArrived: false,
          problems: [
            "topic is 256 bytes long, the limit is 255",
            "type is 256 bytes long, the limit is 255",
            "a header's name is 256 bytes long, the limit is 255",
            "the header CC is reserved by RabbitMQ",
            "the header BCC is reserved by RabbitMQ",
            "timestamp is not a time after 1970",
          ],
        },
      }),
    );
  });

  it("refuses an id that would not survive the wire, since a returned message is recognised by it", () => {
    expect(() => encodeMessage({ ...message, id: "\ud800" }, undefined)).toThrow(/id is not well-formed text/);
  });
});

describe("the estimate of the header frame", () => {
  it("grows with every property and header, in bytes", () => {
    const { properties } = encodeMessage(message, "shop");
    const more = { ...properties, headers: { traceparent: "00-1", note: "é".repeat(100) } };

    expect(headerFrameBytes(more) - headerFrameBytes(properties)).toBe(6 + 4 + 200);
  });
});
