import type { StandardSchemaV1 } from "@standard-schema/spec";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { z as z3 } from "zod/v3";
import { observeRepository } from "../../test/observed-repository.js";
import { sampleDraft } from "../../test/sample-events.js";
import { limits } from "../defaults.js";
import { isOmniBoxError } from "../errors/omni-box-error.js";
import { defineEvent } from "../events/define-event.js";
import { createOutbox } from "./create-outbox.js";

/** A Standard Schema that answers as told. */
function schemaThat(validate: StandardSchemaV1["~standard"]["validate"]): StandardSchemaV1<Record<string, unknown>> {
  return { "~standard": { version: 1, vendor: "own", validate: validate as never } };
}

function draftOf(schema: StandardSchemaV1, payload: unknown) {
  const definition = defineEvent({ type: "order.placed", version: "7", topic: "o", aggregateType: "o", schema });
  return definition.create({ aggregateId: "1", payload: payload as never });
}

/** The error of adding one event with this schema and payload; `null` when it was accepted. */
async function refusalOf(schema: StandardSchemaV1, payload: unknown) {
  const repository = observeRepository();
  const outbox = createOutbox({ repository });
  const error: unknown = await repository
    .transaction((tx) => outbox.add(tx, draftOf(schema, payload)))
    .then(
      () => null,
      (thrown: unknown) => thrown,
    );
  if (error !== null) expect(repository.statements).toEqual([]);
  if (error === null || isOmniBoxError(error)) return error;
  throw error;
}

describe("the size of a payload", () => {
  it("is limited in bytes of its JSON text, with limit and actual size in the error", async () => {
    const repository = observeRepository();
    const outbox = createOutbox({ repository, payloadMaxBytes: 1_024 });
    const exact = { text: "é".repeat(506) };
    expect(Buffer.byteLength(JSON.stringify(exact))).toBe(1_023);
    await repository.transaction((tx) => outbox.add(tx, sampleDraft({ payload: exact })));

    const tooLarge = sampleDraft({ payload: { text: `${exact.text}é` } });
    await expect(repository.transaction((tx) => outbox.add(tx, [sampleDraft(), tooLarge]))).rejects.toMatchObject({
      code: "MESSAGE.INVALID_PAYLOAD",
      message: expect.stringContaining(
        'the payload of "order.placed" must have at most 1024 bytes as JSON, it has 1025',
      ),
      meta: { limit: 1_024, bytes: 1_025 },
    });
    expect(repository.all()).toHaveLength(1);
  });

  it("may be 1 MiB by default", async () => {
    const repository = observeRepository();
    const outbox = createOutbox({ repository });
    const add = (length: number) =>
      repository.transaction((tx) => outbox.add(tx, sampleDraft({ payload: { a: "x".repeat(length) } })));
    await add(limits.payloadMaxBytes - 8);
    await expect(add(limits.payloadMaxBytes - 7)).rejects.toThrow("at most 1048576 bytes as JSON, it has 1048577");
  });
});

describe("the schema of an event", () => {
  it("accepts a payload that matches, and the stored one stays in the input form", async () => {
    const repository = observeRepository();
    const draft = draftOf(z.object({ at: z.coerce.date<string>() }), { at: "2026-01-01", extra: 1 });
    await repository.transaction((tx) => createOutbox({ repository }).add(tx, draft));
    expect(repository.all()[0]?.payload).toEqual({ at: "2026-01-01", extra: 1 });
  });

  it("refuses one that does not, naming type, version and every path", async () => {
    const schema = z.object({ customer: z.string(), lines: z.array(z.object({ price: z.int().positive() })) });
    const error = await refusalOf(schema, { customer: 1, lines: [{ price: 0 }, { price: "secret" }] });
    expect(error).toMatchObject({
      code: "MESSAGE.SCHEMA_MISMATCH",
      message: expect.stringMatching(
        /^MESSAGE\.SCHEMA_MISMATCH: the payload of "order\.placed" version 7 does not match its schema: payload\.customer: .*; payload\.lines\.0\.price: .*>0; payload\.lines\.1\.price: .*$/,
      ),
    });
    expect(error?.message).not.toContain("secret");
  });

  it("may be asynchronous", async () => {
    const schema = z.object({ id: z.string().refine(async (id) => id !== "ada", "is taken already") });
    expect(await refusalOf(schema, { id: "free" })).toBeNull();
    expect(await refusalOf(schema, { id: "ada" })).toMatchObject({
      message: expect.stringContaining("payload.id: is taken already"),
    });
  });

  it("may be made by hand, synchronous or asynchronous", async () => {
    const issues = [{ message: "must be even", path: ["count"] }, { message: "is no good" }];
    for (const answer of [
      () => ({ issues }),
      async () => ({ issues }),
      // biome-ignore lint/suspicious/noThenProperty: a promise of another kind is what is tested.
      () => ({ then: (resolve: (result: unknown) => void) => resolve({ issues }) }) as never,
    ]) {
      expect((await refusalOf(schemaThat(answer), { count: 1 }))?.message).toMatch(
        /: payload\.count: must be even; payload: is no good$/,
      );
    }
    expect(
      await refusalOf(
        schemaThat((value) => ({ value })),
        { count: 1 },
      ),
    ).toBeNull();
    expect(
      await refusalOf(
        schemaThat(async (value) => ({ value })),
        { count: 1 },
      ),
    ).toBeNull();
  });

  it("may name paths as objects and symbols, and any number of issues", async () => {
    const issues = Array.from({ length: 25 }, (_, index) => ({
      message: "is wrong",
      path: [{ key: "list" }, index, Symbol("s")],
    }));
    const error = await refusalOf(
      schemaThat(() => ({ issues })),
      {},
    );
    expect(error?.message).toMatch(/payload\.list\.0\.Symbol\(s\): is wrong; .*payload\.list\.9\..* \(and 15 more\)$/);
    expect(error?.meta.problems).toHaveLength(10);
  });

  it("shows no value of the payload in any message of zod, of version 3 either", async () => {
    const fields = { currency: "secret-1", count: 4711, text: "secret-2", list: ["secret-3"], kind: "secret-4" };
    const four = z.strictObject({
      currency: z.enum(["EUR", "USD"]),
      count: z.int().max(10).multipleOf(2),
      text: z.email().max(3),
      list: z.tuple([z.literal("a")]),
      kind: z.literal("b"),
      missing: z.string(),
    });
    const three = z3.strictObject({
      currency: z3.enum(["EUR", "USD"]),
      count: z3.number().max(10).multipleOf(2),
      text: z3.string().email().max(3),
      list: z3.tuple([z3.literal("a")]),
      kind: z3.literal("b"),
      missing: z3.string(),
    });
    for (const schema of [four, three]) {
      const error = await refusalOf(schema, fields);
      expect(error?.message).toMatch(/payload\.currency: .*payload\.kind: .*payload\.missing: /);
      expect(JSON.stringify([error?.message, error?.meta])).not.toMatch(/secret|4711/);
    }
  });

  it("shows no value of the payload when a rule of the application's own does", async () => {
    const schema = z.object({ customer: z.string().refine(() => false, { error: ({ input }) => `no ${input} here` }) });
    expect((await refusalOf(schema, { customer: "secret" }))?.message).toMatch(/customer: does not match the schema$/);
  });

  it("may use in its messages what is no value but looks like one", async () => {
    const error = await refusalOf(z.object({ count: z.int().positive() }), { count: 0 });
    expect(error?.message).toMatch(/payload\.count: .*>0$/);
    const issues = [{ message: "must be 10 or more", path: ["count"] }];
    expect(
      (
        await refusalOf(
          schemaThat(() => ({ issues })),
          { count: 1, text: "" },
        )
      )?.message,
    ).toMatch(/10 or more$/);
  });

  // As valibot and arktype word their messages.
  it.each([
    ['Invalid type: Expected number but received "secret-1"', ["a"]],
    ["Invalid type: Expected string but received 4711", ["b"]],
    ['c must be a number (was "se\\"cret")', ["c"]],
    ['nested must be an array (was {"deep":"secret-3"})', ["nested"]],
    ["the customer secret-1 has no credit", []],
    ["too long: secret-long-secret-long-s…", ["long"]],
  ])("does not let the message %j show a value of the payload", async (message, path) => {
    const payload = {
      a: "secret-1",
      b: 4711,
      c: 'se"cret',
      nested: { deep: "secret-3" },
      long: "secret-long-".repeat(10),
    };
    const error = await refusalOf(
      schemaThat(() => ({ issues: [{ message, path }] })),
      payload,
    );
    expect(error?.message).toMatch(new RegExp(`: ${["payload", ...path].join("\\.")}: does not match the schema$`));
    expect(JSON.stringify([error?.message, error?.meta])).not.toMatch(/secret|se\\+"cret|4711/);
  });
});

describe("a schema that fails instead of answering", () => {
  it("refuses the event when it reports no issue but says that there are some", async () => {
    const error = await refusalOf(
      schemaThat(() => ({ issues: [] })),
      { count: 1 },
    );
    expect(error?.message).toMatch(/does not match its schema: it names no issue$/);
  });

  it.each([
    [
      "throws",
      () => {
        throw new TypeError("value 4111-secret is bad");
      },
      "threw a TypeError",
    ],
    ["rejects", () => Promise.reject(new Error("value 4111-secret is bad")), "threw an Error"],
    [
      "throws text",
      () => {
        throw "4111-secret";
      },
      "threw something that is no Error",
    ],
    [
      "throws an error whose name is data",
      () => {
        throw Object.assign(new Error("x"), { name: "4111-secret" });
      },
      "threw an error",
    ],
    ["answers nothing", () => undefined, "threw a TypeError"],
    ["answers with issues that are none", () => ({ issues: [null] }), "threw a TypeError"],
  ])("refuses the event when it %s, with none of its words", async (_how, validate, expected) => {
    const error = await refusalOf(schemaThat(validate as never), { card: "4111-secret" });
    expect(error).toMatchObject({
      code: "MESSAGE.SCHEMA_MISMATCH",
      message:
        `MESSAGE.SCHEMA_MISMATCH: the schema of "order.placed" version 7 ${expected} instead of answering; ` +
        "its words are not shown since they may hold data. Mend the schema, or the payload that it cannot take",
      meta: { type: "order.placed", version: "7" },
    });
    expect(error).not.toHaveProperty("cause");
    expect(JSON.stringify([error?.message, error?.meta, error?.stack])).not.toContain("secret");
  });
});
