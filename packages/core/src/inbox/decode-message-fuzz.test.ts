import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyEvent } from "../../test/any-event.js";
import { consumedMessage, delivered } from "../../test/consumed-message.js";
import { hostileMessage, marker } from "../../test/hostile-message.js";
import { limits } from "../defaults.js";
import type { InboxEventDraft } from "../events/inbox-event-draft.js";
import type { ConsumedMessage } from "../protocols/event-consumer.js";
import { anyParser } from "../wire/any-parser.js";
import { cloudEventsConverter } from "../wire/cloud-events-converter.js";
import { cloudEventsParser } from "../wire/cloud-events-parser.js";
import { envelopeParser } from "../wire/envelope-body-parser.js";
import { envelopeConverter } from "../wire/envelope-converter.js";
import { rawConverter } from "../wire/raw-converter.js";
import { rawParser } from "../wire/raw-parser.js";
import { schemaVersionedParser } from "../wire/schema-versioned-parser.js";
import { type DecodedMessage, decodeMessage } from "./decode-message.js";

const parsers = [anyParser(), rawParser(), schemaVersionedParser(), envelopeParser(), cloudEventsParser()] as const;
const converters = [
  rawConverter(),
  envelopeConverter(),
  cloudEventsConverter({ mode: "structured", source: "/shop" }),
  cloudEventsConverter({ mode: "binary", source: "/shop" }),
] as const;

function decode(message: ConsumedMessage, messageMaxBytes = 1_048_576, parser = parsers[0]): DecodedMessage {
  return decodeMessage(message, { consumerGroup: "billing", parser, messageMaxBytes, maxAttempts: 10 });
}

/** The widths of the table's columns, in characters. */
const columns: readonly (readonly [keyof InboxEventDraft, number])[] = [
  ["messageId", 255],
  ["consumerGroup", 255],
  ["source", 255],
  ["type", 100],
  ["schemaVersion", 50],
  ["topic", 255],
  ["partitionKey", 255],
  ["traceId", 64],
  ["correlationId", 64],
  ["causationId", 64],
];

function expectStorable({ draft, failure }: DecodedMessage, message: ConsumedMessage): void {
  for (const [column, width] of columns) {
    const value = draft[column];
    if (value === null) continue;
    expectText(value, width);
  }
  expectText(draft.id, 36);
  for (const [name, value] of Object.entries(draft.headers)) {
    expectText(name, limits.headerKeyMaxLength);
    if (value !== "") expectText(value, limits.headerValueMaxLength);
  }
  expect(Object.keys(draft.headers).length).toBeLessThanOrEqual(limits.headersMaxCount);
  expectJsonb(draft.headers);
  expectJsonb(draft.payload);
  if (failure === null) {
    expect(draft.body).toBeNull();
    return;
  }
  expect(failure.code).toBe("MESSAGE.UNDECODABLE");
  expect(Buffer.byteLength(failure.message)).toBeLessThanOrEqual(limits.lastErrorMaxBytes);
  expect(failure.message).not.toContain(marker);
  expect(draft.payload).toEqual({});
  expect(draft.body).toBe(message.body);
  expect(draft.messageId).toMatch(/^undecodable:/);
}

function expectText(value: unknown, width: number): void {
  expect(value).toBeTypeOf("string");
  const text = String(value);
  expect(text.length).toBeGreaterThan(0);
  expect([...text].length).toBeLessThanOrEqual(width);
  expect(text).not.toMatch(/[\0\p{Surrogate}]/u);
}

/** PostgreSQL refuses these two escapes; everything else that JSON.stringify writes can be stored. */
function expectJsonb(value: object): void {
  const json = JSON.stringify(value);
  expect(json).not.toMatch(/(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/);
  expect(json).not.toContain('"__proto__":');
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  expect(JSON.parse(json)).toEqual(value);
}

const ownOfObject = JSON.stringify(Object.getOwnPropertyNames(Object.prototype));

function expectNoPollution(): void {
  expect(JSON.stringify(Object.getOwnPropertyNames(Object.prototype))).toBe(ownOfObject);
  expect(Reflect.get({}, marker)).toBeUndefined();
}

// The bodies of megabytes take a second each, and several where all cores are busy.
describe("decodeMessage", { timeout: 60_000 }, () => {
  it.each(parsers.map((parser) => [parser.name, parser] as const))(
    "makes a row that can be stored of whatever arrives, with the parser %s",
    (_name, parser) => {
      fc.assert(
        fc.property(hostileMessage, (message) => {
          expectStorable(decode(message, 1_048_576, parser), message);
          expectNoPollution();
        }),
        { numRuns: 300 },
      );
    },
  );

  it("bears one damaged byte anywhere in the body of a good message", () => {
    fc.assert(
      fc.property(anyEvent, fc.nat(), fc.nat(255), fc.constantFrom(...converters), (event, at, byte, converter) => {
        const message = delivered(converter.toMessage(event));
        message.body[at % message.body.length] = byte;
        expectStorable(decode(message), message);
      }),
    );
  });

  it("bears a good message that is cut off anywhere", () => {
    fc.assert(
      fc.property(anyEvent, fc.nat(), fc.constantFrom(...converters), (event, at, converter) => {
        const message = delivered(converter.toMessage(event));
        const cut = { ...message, body: message.body.subarray(0, at % message.body.length) };
        const decoded = decode(cut);
        expectStorable(decoded, cut);
        // A CloudEvent may be without data.
        if (cut.body.length > 0) expect(decoded.failure).not.toBeNull();
      }),
    );
  });

  it.each([
    ["lists", "[".repeat(1_000_000) + "]".repeat(1_000_000)],
    ["lists that are never closed", "[".repeat(1_000_000)],
    ["objects", `${'{"a":'.repeat(1_000_000)}1${"}".repeat(1_000_000)}`],
  ])("does not run out of stack over a million nested %s", (_name, body) => {
    const message = consumedMessage({ body: `{"a":${body}}` });
    const decoded = decode(message, 100_000_000);
    expectStorable(decoded, message);
    expect(decoded.failure).not.toBeNull();
  });

  it("does not parse ten megabytes when one is the limit", () => {
    const message = consumedMessage({ body: Buffer.alloc(10_485_760, "[") });
    const decoded = decode(message);
    expectStorable(decoded, message);
    expect(decoded.failure?.message).toMatch(/at most 1048576 bytes, it has 10485760$/);
  });

  it.each([
    ["numbers", () => `{"a":[${"1,".repeat(5_000_000)}1]}`],
    ["keys", () => `{${Array.from({ length: 500_000 }, (_, index) => `"key number ${index}":1`).join(",")}}`],
    ["text", () => `{"a":"${"é".repeat(5_000_000)}"}`],
  ])("bears ten megabytes of %s where that much is allowed", (_name, body) => {
    expect(decode(consumedMessage({ body: body() }), 20_000_000).failure).toBeNull();
  });

  it("bears a hundred thousand headers and headers of megabytes", () => {
    const many = Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`h${index}`, "v"]));
    const message = consumedMessage({
      headers: { ...many, large: "x".repeat(5_000_000), ["n".repeat(5_000_000)]: "v" },
    });
    const decoded = decode(message);
    expectStorable(decoded, message);
    expect(decoded.failure).toBeNull();
  });
});
