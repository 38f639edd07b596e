import type { StandardSchemaV1 } from "@standard-schema/spec";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { isOmniBoxError } from "../errors/omni-box-error.js";
import { defineEvent } from "./define-event.js";

const options = {
  type: "order.placed",
  version: "2.0.0",
  topic: "orders",
  aggregateType: "order",
  schema: z.object({ customer: z.string(), total: z.int() }),
};

function problemsOf(changes: Record<string, unknown>): unknown {
  try {
    defineEvent({ ...options, ...changes } as never);
  } catch (error) {
    if (isOmniBoxError(error, "CONFIG.INVALID_OPTIONS")) return error.meta.problems;
    throw error;
  }
  return [];
}

function thrownBy(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    return error;
  }
}

describe("defineEvent", () => {
  it("keeps what it was given, unchangeable", () => {
    const definition = defineEvent(options);
    expect(definition).toMatchObject(options);
    expect(Object.isFrozen(definition)).toBe(true);
  });

  it.each([
    ["type", 100],
    ["version", 50],
    ["topic", 255],
    ["aggregateType", 50],
  ])(
    "refuses a %s of more than %i characters, an empty one, one that cannot be stored and one that is no text",
    (field, limit) => {
      expect(problemsOf({ [field]: "x".repeat(limit) })).toEqual([]);
      expect(problemsOf({ [field]: "x".repeat(limit + 1) })).toEqual([
        `${field}: must have at most ${limit} characters, it has ${limit + 1}`,
      ]);
      expect(problemsOf({ [field]: "" })).toEqual([`${field}: must not be empty`]);
      expect(problemsOf({ [field]: "a\0" })).toEqual([`${field}: holds a NUL character or a lone surrogate`]);
      expect(problemsOf({ [field]: undefined })).toEqual([`${field}: must be a string, it is undefined`]);
    },
  );

  it.each([
    ["type", "漢".repeat(86), 258],
    ["topic", "é".repeat(128), 256],
  ])("refuses a %s of more than 255 bytes", (field, text, bytes) => {
    expect(problemsOf({ [field]: text })).toEqual([`${field}: must have at most 255 bytes in UTF-8, it has ${bytes}`]);
  });

  it("lists all problems at once", () => {
    expect(problemsOf({ type: "", topic: 1, schema: {}, partitionKey: "id", retries: 3 })).toEqual([
      "type: must not be empty",
      "topic: must be a string, it is number",
      "schema: expected a Standard Schema (zod, valibot, arktype, …)",
      "partitionKey: expected a function (event) => string",
      'unknown option "retries"',
    ]);
  });

  it("keeps migrations, unchangeable, and has none by default", () => {
    const migrate = (old: object) => ({ ...old, total: 0 });
    const migrations = [{ from: "1.0.0", to: "2.0.0", migrate }];
    const definition = defineEvent({ ...options, migrations });
    migrations.length = 0;
    expect(definition.migrations).toEqual([{ from: "1.0.0", to: "2.0.0", migrate }]);
    expect([definition.migrations, ...definition.migrations].every(Object.isFrozen)).toBe(true);
    expect(defineEvent(options).migrations).toEqual([]);
  });

  it("refuses migrations that cannot work, by their place in the list", () => {
    const migrate = () => ({});
    expect(problemsOf({ migrations: {} })).toEqual([expect.stringMatching(/^migrations: .*array/)]);
    expect(problemsOf({ migrations: [{ from: "", to: "x".repeat(51), migrate: "m", by: 1 }] })).toEqual([
      "migrations.0.from: must not be empty",
      "migrations.0.to: must have at most 50 characters, it has 51",
      "migrations.0.migrate: expected a function (old) => payload",
      'unknown option "migrations.0.by"',
    ]);
    expect(problemsOf({ migrations: [{ from: "1", to: "1", migrate }] })).toEqual([
      "migrations.0: from and to must be different versions",
    ]);
    expect(
      problemsOf({
        migrations: [
          { from: "1", to: "2", migrate },
          { from: "1", to: "2", migrate },
        ],
      }),
    ).toEqual(["migrations.1: there are two from 1 → 2"]);
  });

  it("takes any Standard Schema, also one that is a function", () => {
    const standard = { version: 1, vendor: "own", validate: (value: unknown) => ({ value }) } as const;
    expect(problemsOf({ schema: { "~standard": standard } })).toEqual([]);
    expect(problemsOf({ schema: Object.assign(() => undefined, { "~standard": standard }) })).toEqual([]);
    expect(problemsOf({ schema: { "~standard": { version: 1, vendor: "own" } } })).toHaveLength(1);
    expect(problemsOf({ schema: null })).toHaveLength(1);
  });
});

describe("create of an event definition", () => {
  const payload = { customer: "Ada", total: 3 };

  it("makes an event with the definition's name, version and address", () => {
    const draft = defineEvent(options).create({
      aggregateId: "1",
      payload,
      correlationId: "c",
      headers: { tenant: "t" },
    });
    expect(draft).toMatchObject({
      type: "order.placed",
      schemaVersion: "2.0.0",
      topic: "orders",
      aggregateType: "order",
      aggregateId: "1",
      partitionKey: "1",
      payload,
      correlationId: "c",
      headers: { tenant: "t" },
      schema: options.schema,
    });
  });

  it("stores the aggregate id as text, and refuses one that was forgotten", () => {
    const { create } = defineEvent(options);
    expect(create({ aggregateId: 7, payload }).aggregateId).toBe("7");
    expect(create({ aggregateId: 7n, payload }).partitionKey).toBe("7");
    expect(() => create({ aggregateId: undefined as never, payload })).toThrow(
      /^MESSAGE\.INVALID_EVENT: .*: aggregateId must be a string, a BigInt or a whole number .*, it is undefined$/,
    );
  });

  it("takes the partition key from the definition's function, which sees the id as text and the payload", () => {
    const seen: unknown[] = [];
    const definition = defineEvent({
      ...options,
      partitionKey: (event) => {
        seen.push(event);
        return event.payload.customer;
      },
    });
    expect(definition.create({ aggregateId: 7, payload }).partitionKey).toBe("Ada");
    expect(seen).toEqual([{ aggregateId: "7", payload }]);
  });

  it("refuses a partition key that is not one, instead of falling back to the aggregate id", () => {
    for (const key of [undefined, null, 7, ""]) {
      const { create } = defineEvent({ ...options, partitionKey: () => key as never });
      expect(() => create({ aggregateId: "1", payload })).toThrow(/: partitionKey must /);
    }
  });

  it("refuses the event when the partition key's function throws, and shows no word of that error", () => {
    const { create } = defineEvent({
      ...options,
      partitionKey: ({ payload }) => {
        throw new RangeError(`no key for ${payload.customer}`);
      },
    });
    const thrown = thrownBy(() => create({ aggregateId: "1", payload: { customer: "secret", total: 1 } }));
    expect(thrown).toMatchObject({
      code: "MESSAGE.INVALID_EVENT",
      message:
        'MESSAGE.INVALID_EVENT: the event of type "order.placed" was not accepted: the partitionKey function of its ' +
        "definition threw a RangeError, whose words are not shown since they may hold data. Mend the function, or the event that it cannot take",
    });
    expect(thrown).not.toHaveProperty("cause");
  });

  it("blames the event, and not the partition key's function, for a payload that is missing", () => {
    const { create } = defineEvent({ ...options, partitionKey: (event) => event.payload.customer });
    expect(() => create({ aggregateId: "1" } as never)).toThrow(
      /^MESSAGE\.INVALID_PAYLOAD: .* payload must be a JSON object, it is undefined$/,
    );
  });

  it.each([
    [undefined, "undefined"],
    [null, "null"],
    ["1", "a string"],
    [[], "an array"],
  ])("refuses %j in place of an event, saying what to pass", (given, shown) => {
    const { create } = defineEvent(options);
    expect(() => create(given as never)).toThrow(
      `MESSAGE.INVALID_EVENT: create of "order.placed" takes an object, it was given ${shown}: call create({ aggregateId, payload })`,
    );
  });

  it("keeps the payload in the schema's input form and leaves the schema to add", () => {
    const schema = z.object({ at: z.coerce.date<string>() });
    const { create } = defineEvent({ ...options, schema });
    expect(create({ aggregateId: "1", payload: { at: "2026-01-01" } }).payload).toEqual({ at: "2026-01-01" });
    expect(create({ aggregateId: "1", payload: { at: "no date" } }).payload).toEqual({ at: "no date" });
  });

  it("does not run the schema, which may be asynchronous", () => {
    let runs = 0;
    const schema: StandardSchemaV1<{ total: number }> = {
      "~standard": {
        version: 1,
        vendor: "own",
        validate: async (value) => {
          runs += 1;
          return { value: value as { total: number } };
        },
      },
    };
    defineEvent({ ...options, schema }).create({ aggregateId: "1", payload: { total: 1 } });
    expect(runs).toBe(0);
  });

  it("refuses a payload that is not plain JSON, with its path", () => {
    const { create } = defineEvent({ ...options, schema: z.object({ at: z.date() }) });
    expect(() => create({ aggregateId: "1", payload: { at: new Date(0) } })).toThrow(
      /^MESSAGE\.INVALID_PAYLOAD: the payload of "order\.placed" was not accepted: payload\.at must be plain JSON, it is a Date$/,
    );
  });

  it.each(["topic", "type", "partitionKey", "schemaVersion", "aggregateType", "id", "colour"])(
    "refuses %s, which the definition says or nobody knows, instead of ignoring it",
    (field) => {
      const { create } = defineEvent(options);
      expect(() => create({ aggregateId: "1", payload, [field]: "x" } as never)).toThrow(
        new RegExp(`^MESSAGE\\.INVALID_EVENT: .*: unknown field ${field}$`),
      );
    },
  );
});
