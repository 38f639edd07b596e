import { describe, expect, it } from "vitest";
import { traceparent } from "../../test/any-event.js";
import { consumedMessage } from "../../test/consumed-message.js";
import type { ConsumedMessage } from "../protocols/event-consumer.js";
import { cloudEventsParser } from "./cloud-events-parser.js";

const required = { specversion: "1.0", id: "A234-1234", source: "/mycontext", type: "com.example.someevent" };
const uuid = "6e8bc430-9c3a-41d9-9669-0800200c9a66";
const parser = cloudEventsParser();

function structuredMessage(members: object, changes: Partial<ConsumedMessage> = {}): ConsumedMessage {
  const contentType = "application/cloudevents+json; charset=utf-8";
  return consumedMessage({ messageId: null, type: null, contentType, ...changes, body: { ...required, ...members } });
}

function binaryMessage(prefix: string, attributes: object, changes: Parameters<typeof consumedMessage>[0] = {}) {
  const marked = Object.entries({ ...required, ...attributes }).map(([name, value]) => [prefix + name, value]);
  return consumedMessage({
    messageId: null,
    type: null,
    ...changes,
    headers: { ...Object.fromEntries(marked), ...changes.headers },
  });
}

describe("a foreign CloudEvent", () => {
  it("is read in structured mode, its attributes as fields and headers", () => {
    const extensions = { subject: "order-1", time: "2018-04-05T17:31:00Z", retries: 5, urgent: true, unset: null };
    expect(parser.parse(structuredMessage({ ...extensions, data: { total: 1 } }))).toEqual({
      messageId: "/mycontext A234-1234",
      type: "com.example.someevent",
      schemaVersion: "1",
      topic: "orders",
      partitionKey: "/mycontext A234-1234",
      payload: { total: 1 },
      headers: {
        cloudEvents_source: "/mycontext",
        cloudEvents_subject: "order-1",
        cloudEvents_time: "2018-04-05T17:31:00Z",
        cloudEvents_retries: "5",
        cloudEvents_urgent: "true",
      },
      traceId: null,
      correlationId: null,
      causationId: null,
      senderSeq: null,
    });
  });

  it.each(["cloudEvents_", "cloudEvents:", "ce-", "ce_"])("is read in binary mode with the prefix %s", (prefix) => {
    const attributes = {
      subject: "order-1",
      partitionkey: "customer-7",
      correlationid: "correlation",
      causationid: "causation",
      traceparent: traceparent(),
      schemaversion: "2.1",
    };
    const message = binaryMessage(prefix, attributes, { headers: { tenant: "acme" }, body: { total: 1 } });
    expect(parser.parse(message)).toEqual({
      messageId: "/mycontext A234-1234",
      type: "com.example.someevent",
      schemaVersion: "2.1",
      topic: "orders",
      partitionKey: "customer-7",
      payload: { total: 1 },
      headers: {
        tenant: "acme",
        cloudEvents_source: "/mycontext",
        cloudEvents_subject: "order-1",
        cloudEvents_traceparent: traceparent(),
      },
      traceId: "0af7651916cd43dd8448eb211c80319c",
      correlationId: "correlation",
      causationId: "causation",
      senderSeq: null,
    });
  });

  it("may repeat its attributes among the headers in structured mode, where the body counts", () => {
    const headers = {
      "cloudEvents:id": "other",
      "cloudEvents:source": "x",
      "cloudEvents:type": "t",
      "cloudEvents:specversion": "1.0",
    };
    const parsed = parser.parse(structuredMessage({ id: uuid, data: {} }, { headers }));
    expect(parsed).toMatchObject({ messageId: uuid, headers: { cloudEvents_source: "/mycontext" } });
    expect(Object.keys(parsed.headers)).toEqual(["cloudEvents_source"]);
  });

  it("takes its correlation from the message and its trace from the header where it has none itself", () => {
    const message = structuredMessage(
      { data: {} },
      { correlationId: "outer", headers: { traceparent: traceparent() } },
    );
    expect(parser.parse(message)).toMatchObject({
      correlationId: "outer",
      traceId: "0af7651916cd43dd8448eb211c80319c",
    });
  });

  it("without data has an empty payload", () => {
    expect(parser.parse(structuredMessage({})).payload).toEqual({});
    expect(parser.parse(binaryMessage("ce-", {}, { body: "" })).payload).toEqual({});
  });

  it("may carry its JSON in Base64", () => {
    const data_base64 = Buffer.from('{"city":"Köln"}').toString("base64");
    expect(parser.parse(structuredMessage({ data_base64 })).payload).toEqual({ city: "Köln" });
  });

  it("has the schema version that the parser's option names", () => {
    expect(cloudEventsParser({ schemaVersion: "2" }).parse(structuredMessage({ data: {} })).schemaVersion).toBe("2");
  });
});

describe("the message id of a CloudEvent", () => {
  const idOf = (members: object) => parser.parse(structuredMessage({ ...members, data: {} })).messageId;

  it("is its id when that is a UUID", () => {
    expect(idOf({ id: uuid })).toBe(uuid);
  });

  it("is different for the same id of two sources, which are two events", () => {
    expect(idOf({ source: "/a", id: "1" })).not.toBe(idOf({ source: "/b", id: "1" }));
  });

  it("fits its column however long the source is, and stays the same", () => {
    const id = idOf({ source: `/${"a".repeat(300)}`, id: "1" });
    expect(id).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(idOf({ source: `/${"a".repeat(300)}`, id: "1" })).toBe(id);
    expect(idOf({ source: `/${"a".repeat(301)}`, id: "1" })).not.toBe(id);
  });
});

describe("cloudEventsParser refuses", () => {
  it.each<[string, ConsumedMessage, RegExp]>([
    ["a message without attributes", consumedMessage(), /no CloudEvents attributes/],
    ["another version", structuredMessage({ specversion: "0.3" }), /another version/],
    ["a batch", structuredMessage({}, { contentType: "application/cloudevents-batch+json" }), /batch/],
    ["another event format", structuredMessage({}, { contentType: "application/cloudevents+avro" }), /other than JSON/],
    ["an event without an id", structuredMessage({ id: null }), /attribute id is missing/],
    ["an event with an empty type", structuredMessage({ type: "" }), /attribute type is missing/],
    ["an id that is no text", structuredMessage({ id: ["secret"] }), /attribute id is missing/],
    ["a source that is no URI reference", structuredMessage({ source: "/a b" }), /source/],
    ["data that is no JSON", structuredMessage({ datacontenttype: "text/xml", data: "<a/>" }), /data .*content type/],
    ["Base64 of what is no JSON", structuredMessage({ data_base64: "c2VjcmV0" }), /not valid JSON/],
    ["Base64 that is no text", structuredMessage({ data_base64: 1 }), /not a string/],
    ["a binary event with another content type", binaryMessage("ce-", {}, { contentType: "text/xml" }), /content type/],
    [
      "a body that is no object",
      consumedMessage({ contentType: "application/cloudevents+json", body: [] }),
      /JSON object/,
    ],
  ])("%s", (_name, message, reason) => {
    expect(() => parser.parse(message)).toThrow(expect.objectContaining({ code: "MESSAGE.UNDECODABLE" }));
    expect(() => parser.parse(message)).toThrow(reason);
  });
});
