import { describe, expect, it } from "vitest";
import { traceparent } from "../../test/any-event.js";
import { consumedMessage } from "../../test/consumed-message.js";
import type { ConsumedMessage } from "../protocols/event-consumer.js";
import { anyParser } from "./any-parser.js";
import { envelopeParser } from "./envelope-body-parser.js";
import { traceIdOf } from "./envelope-of.js";
import { rawParser } from "./raw-parser.js";
import { schemaVersionedParser } from "./schema-versioned-parser.js";

describe("a message that does not come from omni-box", () => {
  it("is read with its own type, id and routing key, and defaults for the rest", () => {
    const headers = { tenant: "acme", "x-death": "1" };
    expect(anyParser().parse(consumedMessage({ headers }))).toEqual({
      messageId: "message-1",
      type: "order.placed",
      schemaVersion: "1",
      topic: "orders",
      partitionKey: "message-1",
      payload: { total: 1 },
      headers,
      traceId: null,
      correlationId: null,
      causationId: null,
      senderSeq: null,
    });
  });

  it("has the trace id of its trace context, unless it names one", () => {
    const traced = (headers: Record<string, string>) => rawParser().parse(consumedMessage({ headers })).traceId;
    expect(traced({ traceparent: traceparent() })).toBe("0af7651916cd43dd8448eb211c80319c");
    expect(traced({ traceparent: traceparent(), "omni-trace-id": "ours" })).toBe("ours");
  });

  it("has its source as the topic when its routing key is empty, as fanout exchanges allow", () => {
    expect(rawParser().parse(consumedMessage({ topic: "" })).topic).toBe("orders-queue");
  });

  it("has the schema version that the parser's option names", () => {
    expect(anyParser({ schemaVersion: "7" }).parse(consumedMessage()).schemaVersion).toBe("7");
    expect(() => anyParser({ schemaVersion: "" })).toThrow(/anyParser.*schemaVersion/);
  });

  it.each([null, "", "application/json; charset=utf-8", "text/json", "application/vnd.shop.order+json"])(
    "may have the content type %s",
    (contentType) => {
      expect(rawParser().parse(consumedMessage({ contentType })).payload).toEqual({ total: 1 });
    },
  );

  it.each([null, "", "identity", "UTF-8", "utf8"])("may have the content encoding %s", (contentEncoding) => {
    expect(rawParser().parse(consumedMessage({ contentEncoding })).payload).toEqual({ total: 1 });
  });

  it("may begin with a byte order mark", () => {
    expect(rawParser().parse(consumedMessage({ body: '\ufeff{"total":1}' })).payload).toEqual({ total: 1 });
  });
});

describe("the parser for all formats", () => {
  const attributes = { specversion: "1.0", id: "1", source: "/a", type: "t" };

  it("believes the header omni-format before it looks at anything else", () => {
    const headers = { "ce-id": "1", "ce-source": "/a", "ce-type": "t", "ce-specversion": "1.0", "omni-format": "raw" };
    expect(anyParser().parse(consumedMessage({ headers }))).toMatchObject({ type: "order.placed" });
  });

  it("recognises CloudEvents by their content type, and by their four required attributes", () => {
    const marked = Object.fromEntries(
      Object.entries(attributes).map(([name, value]) => [`cloudEvents:${name}`, value]),
    );
    const { "cloudEvents:source": _, ...incomplete } = marked;
    expect(anyParser().parse(consumedMessage({ headers: marked })).messageId).toBe("/a 1");
    expect(anyParser().parse(consumedMessage({ headers: incomplete })).messageId).toBe("message-1");
    const message = consumedMessage({ contentType: "application/cloudevents+json", body: attributes });
    expect(anyParser().parse(message).messageId).toBe("/a 1");
  });

  it("refuses a format that it does not know, without naming it", () => {
    const message = consumedMessage({ headers: { "omni-format": "secret" } });
    expect(() => anyParser().parse(message)).toThrow(/omni-format.*unknown/);
    expect(() => anyParser().parse(message)).not.toThrow(/secret/);
  });
});

describe("the envelope's body", () => {
  const body = { id: "1", type: "t", schemaVersion: "1", topic: "orders", partitionKey: "k", payload: {} };

  it("counts whatever became of the message around it", () => {
    const message = consumedMessage({
      messageId: "replayed",
      topic: "replays",
      type: "other",
      headers: { moved: "yes" },
      body,
    });
    expect(envelopeParser().parse(message)).toEqual({
      ...{ messageId: "1", type: "t", schemaVersion: "1", topic: "orders", partitionKey: "k" },
      ...{ payload: {}, headers: {}, traceId: null, correlationId: null, causationId: null, senderSeq: null },
    });
  });

  it.each([
    ["no id", { ...body, id: undefined }, /"id" is missing/],
    ["a topic that is no text", { ...body, topic: 7 }, /"topic".*not a string/],
    ["headers that are a list", { ...body, headers: [] }, /"headers"/],
    ["a header that is no text", { ...body, headers: { a: 1 } }, /"headers"/],
    ["a trace id that is no text", { ...body, traceId: {} }, /"traceId"/],
    ["no members of its own, but those of every object", { id: "1", constructor: 1 }, /missing/],
  ])("is refused with %s", (_name, wrong, reason) => {
    expect(() => envelopeParser().parse(consumedMessage({ body: wrong }))).toThrow(reason);
  });
});

describe("a message is refused", () => {
  it.each<[string, Parameters<typeof consumedMessage>[0], RegExp]>([
    ["without a message id", { messageId: null }, /no message id/],
    ["with an empty message id", { messageId: "" }, /no message id/],
    ["without a type", { type: null }, /no type/],
    ["with an empty type", { type: "" }, /no type/],
    ["that is compressed", { contentEncoding: "gzip" }, /content encoding/],
    ["of another content type", { contentType: "application/x-protobuf" }, /content type is not JSON/],
    ["of a content type that only begins like JSON", { contentType: "application/jsonp" }, /content type is not JSON/],
    ["that is no UTF-8", { body: Uint8Array.of(0x22, 0xff, 0x22) }, /UTF-8/],
    ["that is cut off", { body: '{"total":' }, /not valid JSON/],
    ["that is empty", { body: "" }, /not valid JSON/],
  ])("%s", (_name, changes, reason) => {
    const refusal = expect.objectContaining({ code: "MESSAGE.UNDECODABLE", message: expect.stringMatching(reason) });
    expect(() => rawParser().parse(consumedMessage(changes))).toThrow(refusal);
  });

  it("without type and version in its body, where they belong in it", () => {
    expect(() => schemaVersionedParser().parse(consumedMessage({ body: { payload: {} } }))).toThrow(
      /"type" is missing/,
    );
  });
});

describe("a trace context", () => {
  it.each<[string, string | undefined, string | null]>([
    ["none", undefined, null],
    ["a later version with more fields", `01-${"a".repeat(32)}-${"b".repeat(16)}-01-more`, "a".repeat(32)],
    ["the forbidden version", `ff-${"a".repeat(32)}-${"b".repeat(16)}-01`, null],
    ["a trace id of zeros", `00-${"0".repeat(32)}-${"b".repeat(16)}-01`, null],
    ["a parent id of zeros", `00-${"a".repeat(32)}-${"0".repeat(16)}-01`, null],
    ["upper case", `00-${"A".repeat(32)}-${"b".repeat(16)}-01`, null],
    ["anything else", "hello", null],
  ])("with %s gives its trace id or nothing", (_name, text, expected) => {
    expect(traceIdOf(text)).toBe(expected);
  });

  it("is asked only of messages that have none of ours", () => {
    const both: ConsumedMessage = consumedMessage({ headers: { traceparent: "hello", "omni-trace-id": "ours" } });
    expect(anyParser().parse(both)).toMatchObject({ traceId: "ours", headers: { traceparent: "hello" } });
  });
});
