import { describe, expect, it } from "vitest";
import { consumedMessage } from "../../test/consumed-message.js";
import { limits } from "../defaults.js";
import type { ConsumedMessage } from "../protocols/event-consumer.js";
import { anyParser } from "../wire/any-parser.js";
import type { EnvelopeData } from "../wire/envelope-parser.js";
import { undecodable } from "../wire/undecodable.js";
import { type DecodedMessage, type DecodeOptions, decodeMessage } from "./decode-message.js";

const options: DecodeOptions = {
  consumerGroup: "billing",
  parser: anyParser(),
  messageMaxBytes: 1_000,
  maxAttempts: 3,
};

function decode(
  changes: Parameters<typeof consumedMessage>[0] = {},
  more: Partial<DecodeOptions> = {},
): DecodedMessage {
  return decodeMessage(consumedMessage(changes), { ...options, ...more });
}

/** Decodes with a parser that answers, or throws, what nobody checked. */
function decodeParsed(parse: (message: ConsumedMessage) => unknown): DecodedMessage {
  return decode({}, { parser: { name: "own", parse: (message) => parse(message) as EnvelopeData } });
}

const parsed: EnvelopeData = {
  messageId: "m",
  type: "t",
  schemaVersion: "1",
  topic: "orders",
  partitionKey: "k",
  payload: {},
  headers: {},
  traceId: null,
  correlationId: null,
  causationId: null,
};

describe("a message that can be read", () => {
  it("becomes a draft of its consumer group, with an id of its own and a frozen payload", () => {
    const { draft, failure } = decode({ correlationId: "correlation", headers: { tenant: "acme" } });
    expect(failure).toBeNull();
    expect(draft).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7/),
      messageId: "message-1",
      consumerGroup: "billing",
      source: "orders-queue",
      type: "order.placed",
      schemaVersion: "1",
      topic: "orders",
      partitionKey: "message-1",
      payload: { total: 1 },
      headers: { tenant: "acme" },
      traceId: null,
      correlationId: "correlation",
      causationId: null,
      maxAttempts: 3,
      senderSeq: null,
      body: null,
    });
    expect(Object.isFrozen(draft.payload)).toBe(true);
    expect(Object.isFrozen(draft.headers)).toBe(true);
    expect(decode().draft.id).not.toBe(decode().draft.id);
  });

  it("may be as large as the limit and no larger", () => {
    const body = (bytes: number) => `{"a":"${"x".repeat(bytes - 8)}"}`;
    expect(decode({ body: body(1_000) }).failure).toBeNull();
    expect(decode({ body: body(1_001) }).failure?.message).toMatch(/at most 1000 bytes, it has 1001/);
  });

  it("loses those headers that cannot be stored, such as a broker's, and keeps the others", () => {
    const headers = {
      tenant: "acme",
      empty: "",
      "": "no name",
      "x-death": "y".repeat(limits.headerValueMaxLength + 1),
      ["n".repeat(limits.headerKeyMaxLength + 1)]: "long name",
      "a\0b": "NUL in the name",
      nul: "a\0b",
      surrogate: "\ud800",
      last: "kept",
    };
    expect(decode({ headers }).draft.headers).toEqual({ tenant: "acme", empty: "", last: "kept" });
  });

  it("keeps as many headers as may be stored, the first ones", () => {
    const many = Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`h${index}`, "v"]));
    expect(Object.keys(decode({ headers: many }).draft.headers)).toEqual(Object.keys(many).slice(0, 100));
    const large = Object.fromEntries(Array.from({ length: 99 }, (_, index) => [`h${index}`, "é".repeat(500)]));
    const kept = Object.entries(decode({ headers: { ...large, small: "v" } }).draft.headers);
    expect(kept).toHaveLength(33);
    expect(kept.at(-1)).toEqual(["small", "v"]);
    expect(Buffer.byteLength(kept.flat().join(""))).toBeLessThanOrEqual(limits.headersMaxBytes);
  });

  it("has no header __proto__, and no prototype from one", () => {
    const headers = JSON.parse('{"__proto__":"polluted","tenant":"acme"}');
    expect(Object.entries(decode({ headers }).draft.headers)).toEqual([["tenant", "acme"]]);
  });

  it.each([
    ["too long", "x".repeat(65)],
    ["empty", ""],
    ["not storable", "a\0b"],
  ])("loses a correlation, causation or trace id that is %s", (_name, id) => {
    const headers = { "omni-causation-id": id, "omni-trace-id": id };
    const { draft, failure } = decode({ correlationId: id, headers });
    expect(failure).toBeNull();
    expect(draft).toMatchObject({ correlationId: null, causationId: null, traceId: null });
  });
});

describe("a message that cannot be read", () => {
  it("becomes a draft that holds what was received and an empty payload", () => {
    const body = Buffer.from("{");
    const message = consumedMessage({
      body,
      correlationId: "correlation",
      headers: { tenant: "acme", "omni-trace-id": "trace" },
    });
    const { draft, failure } = decodeMessage(message, options);
    expect(failure).toEqual({ code: "MESSAGE.UNDECODABLE", message: expect.stringMatching(/body is not valid JSON$/) });
    expect(draft).toMatchObject({
      messageId: expect.stringMatching(/^undecodable:[0-9a-f]{64}$/),
      consumerGroup: "billing",
      source: "orders-queue",
      type: "order.placed",
      topic: "orders",
      payload: {},
      headers: { "omni-message-id": "message-1", tenant: "acme", "omni-trace-id": "trace" },
      traceId: "trace",
      correlationId: "correlation",
      maxAttempts: 3,
      body,
    });
    expect(draft.partitionKey).toBe(draft.messageId);
  });

  it("is one whose sender has given it an id of the kind that such messages get here", () => {
    const messageId = decode({ body: "{" }).draft.messageId;
    const { draft, failure } = decode({ messageId });
    expect(failure?.message).toMatch(/message id begins with "undecodable:", which is reserved/);
    expect(draft.messageId).toMatch(/^undecodable:[0-9a-f]{64}$/);
    expect(draft.messageId).not.toBe(messageId);
  });

  it("is recognised when it comes again, and is never taken for another one", () => {
    const idOf = (changes: Parameters<typeof consumedMessage>[0]) => decode({ body: "{", ...changes }).draft.messageId;
    const id = idOf({});
    expect(idOf({ redelivered: true, headers: { "x-delivery-count": "1" } })).toBe(id);
    const others = [
      { body: "[" },
      { messageId: "message-2" },
      { messageId: null },
      { messageId: "" },
      { source: "other" },
    ];
    expect(new Set([id, ...others.map(idOf)]).size).toBe(others.length + 1);
    expect(idOf({ source: "a", messageId: "b" })).not.toBe(idOf({ source: "ab", messageId: "" }));
    expect(idOf({ messageId: "\ud800" })).not.toBe(idOf({ messageId: "\ud801" }));
  });

  it("has the sender's message id in its header even when the sender used that name or filled all places", () => {
    const full = Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`h${index}`, "v"]));
    const { headers } = decode({ body: "{", headers: { ...full, "omni-message-id": "forged" } }).draft;
    expect(headers["omni-message-id"]).toBe("message-1");
    expect(Object.keys(headers)).toHaveLength(100);
  });

  it("has stand-ins for what cannot be stored", () => {
    const absurd = "\0".repeat(300);
    const { draft } = decode({
      messageId: absurd,
      type: absurd,
      topic: absurd,
      source: absurd,
      headers: { "omni-schema-version": absurd },
    });
    expect(draft).toMatchObject({
      type: "undecodable",
      topic: "undecodable",
      source: "undecodable",
      schemaVersion: "1",
    });
    expect(draft.headers).toEqual({});
  });

  it.each<[string, Parameters<typeof consumedMessage>[0], RegExp]>([
    ["a payload that is a list", { body: [] }, /payload must be a JSON object, it is an array$/],
    ["a payload that is null", { body: "null" }, /payload must be a JSON object, it is null$/],
    ["a payload that nests too deep", { body: "[".repeat(400) }, /JSON/],
    ["NUL in the payload", { body: { a: "\0" } }, /something in its payload holds a NUL/],
    ["a lone surrogate in the payload", { body: '{"a":"\\ud800"}' }, /surrogate/],
    ["a key __proto__", { body: '{"a":{"__proto__":{"admin":true}}}' }, /prototype/],
    ["a number that is too large for JSON's readers", { body: '{"a":1e999}' }, /finite/],
    [
      "a message id that is too long",
      { messageId: "x".repeat(256) },
      /message id must have at most 255 characters, it has 256/,
    ],
    ["control characters in its message id", { messageId: "a\nb" }, /message id holds control characters/],
    ["a type that is too long", { type: "x".repeat(101) }, /type must have at most 100 characters/],
    ["a type that has too many bytes", { type: "✅".repeat(90) }, /type must have at most 255 bytes/],
    ["a topic that is too long", { topic: "x".repeat(256) }, /topic must have at most 255/],
    ["an empty schema version", { headers: { "omni-schema-version": "" } }, /schema version must not be empty/],
    [
      "a partition key that is too long",
      { headers: { "omni-partition-key": "x".repeat(256) } },
      /partition key must have/,
    ],
    ["a source that is too long", { source: "x".repeat(256) }, /source must have at most 255/],
  ])("is one with %s", (_name, changes, reason) => {
    const { draft, failure } = decode(changes);
    expect(failure?.message).toMatch(reason);
    expect(draft.body).not.toBeNull();
  });

  it("is one that nests deeper than payloads may, and not one that nests just as deep", () => {
    const nested = (levels: number) => `{"a":${"[".repeat(levels - 1)}${"]".repeat(levels - 1)}}`;
    expect(decode({ body: nested(limits.payloadMaxDepth) }).failure).toBeNull();
    expect(decode({ body: nested(limits.payloadMaxDepth + 1) }).failure?.message).toMatch(/deeper than 100 levels/);
  });
});

describe("a parser of one's own", () => {
  it("is trusted in nothing", () => {
    expect(decodeParsed(() => parsed).failure).toBeNull();
    expect(decodeParsed(() => ({ ...parsed, type: undefined })).failure?.message).toMatch(/type must be a string/);
    expect(decodeParsed(() => ({ ...parsed, payload: { at: new Date(0) } })).failure?.message).toMatch(/it is a Date/);
    expect(decodeParsed(() => ({ ...parsed, headers: { a: 1 }, traceId: 7 })).draft).toMatchObject({
      headers: {},
      traceId: null,
    });
    expect(decodeParsed(() => Promise.resolve(parsed)).failure?.message).toMatch(/message id must be a string/);
    expect(decodeParsed(() => null).failure?.message).toMatch(/the parser "own" threw a TypeError/);
  });

  it("may say why it refuses a message, in an error made for that", () => {
    const { failure } = decodeParsed(() => {
      throw undecodable("its magic byte is wrong");
    });
    expect(failure?.message).toMatch(/its magic byte is wrong$/);
  });

  it("has the words of its other errors hidden, since they may quote the message", () => {
    const { failure } = decodeParsed(() => {
      throw new SyntaxError("unexpected secret");
    });
    expect(failure).toEqual({
      code: "MESSAGE.UNDECODABLE",
      message: expect.stringMatching(/the parser "own" threw a SyntaxError; its words may hold data$/),
    });
  });
});
