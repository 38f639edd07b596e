import { describe, expect, it } from "vitest";
import { defaults, limits } from "../defaults.js";
import { isOmniBoxError } from "../errors/omni-box-error.js";
import { createOutboxEvent } from "./create-outbox-event.js";

const input = {
  type: "order.placed",
  schemaVersion: "1",
  topic: "orders",
  aggregateType: "order",
  aggregateId: "order-1",
  payload: { total: 1 },
};

/** What an untyped caller might pass. */
function create(fields: Record<string, unknown>) {
  return createOutboxEvent({ ...input, ...fields } as never);
}

function problemsOf(fields: Record<string, unknown>): unknown {
  try {
    create(fields);
  } catch (error) {
    if (isOmniBoxError(error, "MESSAGE.INVALID_EVENT")) return error.meta.problems;
    throw error;
  }
  return [];
}

const daysFromNow = (days: number) => new Date(Date.now() + days * 86_400_000);

describe("createOutboxEvent", () => {
  it("fills in what was not said", () => {
    expect(create({})).toEqual({
      ...input,
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      partitionKey: "order-1",
      headers: {},
      traceId: null,
      correlationId: null,
      causationId: null,
      idempotencyKey: null,
      scheduledAt: null,
      maxAttempts: defaults.maxAttempts,
      schema: null,
    });
  });

  it("keeps what was said", () => {
    const said = {
      partitionKey: "customer-7",
      headers: { tenant: "a" },
      traceId: "t",
      correlationId: "c",
      causationId: "d",
      idempotencyKey: "k",
      scheduledAt: daysFromNow(1),
      maxAttempts: 3,
    };
    expect(create(said)).toMatchObject(said);
  });

  it("stores numbers and BigInts as their decimal text", () => {
    expect(create({ aggregateId: 42 })).toMatchObject({ aggregateId: "42", partitionKey: "42" });
    expect(create({ aggregateId: 12_345_678_901_234_567_890n }).aggregateId).toBe("12345678901234567890");
  });
});

describe("createOutboxEvent refuses, with field, limit and actual size,", () => {
  it.each([
    ["type", limits.eventTypeMaxLength],
    ["schemaVersion", limits.schemaVersionMaxLength],
    ["topic", limits.topicMaxLength],
    ["aggregateType", limits.aggregateTypeMaxLength],
    ["aggregateId", limits.aggregateIdMaxLength],
    ["partitionKey", limits.partitionKeyMaxLength],
    ["traceId", limits.contextIdMaxLength],
    ["correlationId", limits.contextIdMaxLength],
    ["causationId", limits.contextIdMaxLength],
    ["idempotencyKey", limits.idempotencyKeyMaxLength],
  ])("a %s of more than %i characters", (field, limit) => {
    const partitionKey = "p";
    expect(problemsOf({ partitionKey, [field]: "x".repeat(limit) })).toEqual([]);
    expect(problemsOf({ partitionKey, [field]: "x".repeat(limit + 1) })).toEqual([
      `${field} must have at most ${limit} characters, it has ${limit + 1}`,
    ]);
  });

  it.each([
    "type",
    "schemaVersion",
    "topic",
    "aggregateType",
    "aggregateId",
    "partitionKey",
    "traceId",
    "idempotencyKey",
  ])("an empty %s, or one that cannot be stored, or no text at all", (field) => {
    const partitionKey = "p";
    expect(problemsOf({ partitionKey, [field]: "" })).toEqual([`${field} must not be empty`]);
    for (const text of ["a\0b", "a\ud800"]) {
      const expected = `${field} holds a NUL character or a lone surrogate`;
      expect(problemsOf({ partitionKey, [field]: text })).toEqual([expected]);
    }
    expect(problemsOf({ partitionKey, [field]: null })).toEqual([expect.stringMatching(`^${field} must be .*null$`)]);
    expect(problemsOf({ partitionKey, [field]: {} })).toEqual([expect.stringMatching(`^${field} must be .*object$`)]);
  });

  it.each([undefined, null, Number.NaN, Number.POSITIVE_INFINITY, 1.5, 1e21, 2 ** 53, true, {}, []])(
    "%s as aggregate id, instead of storing its text",
    (aggregateId) => {
      expect(problemsOf({ partitionKey: "p", aggregateId })).toEqual([
        expect.stringMatching(
          /^aggregateId must be a string, a BigInt or a whole number up to 9007199254740991, it is /,
        ),
      ]);
      expect(problemsOf({ aggregateId })).toHaveLength(1);
    },
  );

  it.each([
    ["type", limits.eventTypeMaxBytes, "漢".repeat(85), "漢".repeat(86)],
    ["topic", limits.topicMaxBytes, `${"é".repeat(127)}x`, "é".repeat(128)],
  ])("a %s of more than %i bytes in UTF-8, which no AMQP message could carry", (field, limit, longest, longer) => {
    expect(limit).toBe(255);
    expect(Buffer.byteLength(longest)).toBe(limit);
    expect(problemsOf({ [field]: longest })).toEqual([]);
    expect(problemsOf({ [field]: longer })).toEqual([
      `${field} must have at most 255 bytes in UTF-8, it has ${Buffer.byteLength(longer)}`,
    ]);
  });

  it("a scheduledAt more than 365 days ahead", () => {
    expect(problemsOf({ scheduledAt: daysFromNow(364.9) })).toEqual([]);
    expect(problemsOf({ scheduledAt: daysFromNow(0) })).toEqual([]);
    expect(problemsOf({ scheduledAt: daysFromNow(400.5) })).toEqual([
      "scheduledAt must be at most 365 days ahead, it is 401",
    ]);
  });

  it.each([new Date(Number.NaN), "2026-01-01", 0, null])("%s as scheduledAt", (scheduledAt) => {
    expect(problemsOf({ scheduledAt })).toEqual(["scheduledAt must be a valid Date"]);
  });

  it("a scheduledAt that no database can store", () => {
    expect(problemsOf({ scheduledAt: new Date(-8.64e15) })).toEqual([
      "scheduledAt must not be before 1970-01-01, it is -271821-04-20",
    ]);
  });

  it.each([
    [0, "0"],
    [-1, "-1"],
    [1.5, "1.5"],
    [1_001, "1001"],
    [Number.NaN, "NaN"],
    [1e300, "1e+300"],
    ["3", "string"],
    [null, "null"],
  ])("%s as maxAttempts", (maxAttempts, shown) => {
    expect(problemsOf({ maxAttempts })).toEqual([`maxAttempts must be a whole number from 1 to 1000, it is ${shown}`]);
  });

  it.each([
    [undefined, "undefined"],
    [null, "null"],
    ["order", "a string"],
    [1, "a number"],
    [[], "an array"],
    [() => 1, "a function"],
  ])("%j in place of an event, saying what to pass", (given, shown) => {
    expect(() => createOutboxEvent(given as never)).toThrow(
      `MESSAGE.INVALID_EVENT: createOutboxEvent takes an object, it was given ${shown}: ` +
        "call createOutboxEvent({ type, schemaVersion, topic, aggregateType, aggregateId, payload })",
    );
  });

  it.each([{}, 1, "schema", { "~standard": {} }])("%j in place of a schema", (schema) => {
    expect(() => createOutboxEvent(input, schema as never)).toThrow(
      /^MESSAGE\.INVALID_EVENT: the event of type "order\.placed" was not accepted: schema must be a Standard Schema/,
    );
  });

  it("fields that do not exist", () => {
    expect(problemsOf({ color: 1, Topic: 1 })).toEqual(["unknown field color, Topic"]);
  });

  it("everything that is wrong at once, in one sentence per problem and with the type's name", () => {
    expect(() => create({ topic: "", traceId: "x".repeat(65), maxAttempts: 0 })).toThrow(
      /^MESSAGE\.INVALID_EVENT: the event of type "order\.placed" was not accepted: topic .*; traceId .*; maxAttempts .*$/,
    );
  });

  it("with no value in the message", () => {
    const message = String(
      (() => {
        try {
          return create({
            traceId: "secret".repeat(20),
            aggregateId: "secret".repeat(99),
            headers: { a: "secret".repeat(99) },
          });
        } catch (error) {
          return error;
        }
      })(),
    );
    expect(message).toMatch(/traceId/);
    expect(message).not.toMatch(/secret/);
  });

  it("a payload that is not plain JSON, with all paths", () => {
    expect(() => create({ payload: { at: new Date(0), big: 1n } })).toThrow(
      /^MESSAGE\.INVALID_PAYLOAD: the payload of "order\.placed" was not accepted: payload\.at .*Date; payload\.big .*bigint$/,
    );
    expect(() => create({ payload: undefined })).toThrow(/payload must be a JSON object, it is undefined/);
  });
});

describe("the event made by createOutboxEvent", () => {
  it("does not change when the input is changed later", () => {
    const payload = { lines: [{ price: 1 }] };
    const headers: Record<string, string> = { a: "1" };
    const scheduledAt = daysFromNow(1);
    const plannedMs = scheduledAt.getTime();
    const draft = create({ payload, headers, scheduledAt });
    payload.lines.push({ price: 2 });
    headers.b = "2";
    scheduledAt.setTime(0);
    expect(draft.payload).toEqual({ lines: [{ price: 1 }] });
    expect(draft.headers).toEqual({ a: "1" });
    expect(draft.scheduledAt?.getTime()).toBe(plannedMs);
  });

  it("is frozen, and so are its headers and its payload at every level", () => {
    const draft = create({ payload: { lines: [{ price: 1 }] }, headers: { a: "1" } });
    const { lines } = draft.payload as { lines: { price: number }[] };
    for (const part of [draft, draft.headers, draft.payload, lines, lines[0]]) expect(Object.isFrozen(part)).toBe(true);
    expect(() => Object.assign(draft, { topic: "x" })).toThrow(TypeError);
  });

  it("has an id of its own, or the one of its idempotency key", () => {
    expect(create({}).id).not.toBe(create({}).id);
    const [first, again] = [create({ idempotencyKey: "k" }), create({ idempotencyKey: "k", payload: { other: 1 } })];
    expect(first.id).toBe(again.id);
    expect(create({ idempotencyKey: "l" }).id).not.toBe(first.id);
  });
});
