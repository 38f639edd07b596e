import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { limits } from "../defaults.js";
import type { JsonValue } from "./json.js";
import { copyPlainJson, type JsonProblem } from "./plain-json.js";

function problemsOf(value: unknown): readonly JsonProblem[] {
  const result = copyPlainJson("payload", value);
  return result.ok ? [] : result.problems;
}

/** The problem of `value` when it is the payload's field `field`. */
function problemOf(value: unknown): JsonProblem | undefined {
  const problems = problemsOf({ fine: 1, field: value });
  expect(problems.length).toBeLessThanOrEqual(1);
  return problems[0];
}

function nested(levels: number): unknown {
  let value: unknown = {};
  for (let level = 1; level < levels; level += 1) value = level % 2 === 0 ? { deeper: value } : [value];
  return { top: value };
}

function cyclic(): unknown {
  const value: Record<string, unknown> = { list: [] };
  (value.list as unknown[]).push({ back: value });
  return value;
}

class Money {
  readonly cents = 1;
}

describe("copyPlainJson refuses", () => {
  it.each<[string, unknown, RegExp]>([
    ["undefined", undefined, /it is undefined$/],
    ["a BigInt", 1n, /it is a bigint$/],
    ["a function", () => 1, /it is a function$/],
    ["a symbol", Symbol("s"), /it is a symbol$/],
    ["NaN", Number.NaN, /finite number, it is NaN$/],
    ["Infinity", Number.POSITIVE_INFINITY, /it is Infinity$/],
    ["-Infinity", Number.NEGATIVE_INFINITY, /it is -Infinity$/],
    ["a Date", new Date(0), /it is a Date$/],
    ["a Map", new Map(), /it is a Map$/],
    ["a Set", new Set(), /it is a Set$/],
    ["a RegExp", /x/, /it is a RegExp$/],
    ["a Buffer", Buffer.from("x"), /it is a Buffer$/],
    ["an Error", new Error("x"), /it is an Error$/],
    ["a Promise", Promise.resolve(), /it is a Promise$/],
    ["a boxed number", Object(1), /it is a Number$/],
    ["an instance of a class", new Money(), /it is a Money$/],
    [
      "an object with an inherited field",
      Object.create({ inherited: 1 }),
      /it is an object with a prototype of its own$/,
    ],
    [
      "an instance of a class without a parent",
      Object.create(Object.create(null)),
      /it is an object with a prototype of its own$/,
    ],
    ["a Date of another realm", runInNewContext("new Date(0)"), /it is a Date$/],
    ["a NUL character", "a\0b", /NUL/],
    ["a lone high surrogate", "a\ud800b", /surrogate/],
    ["a lone low surrogate", "a\udc00b", /surrogate/],
  ])("%s, and names the path", (_name, value, message) => {
    expect(problemOf(value)).toEqual({ path: "payload.field", message: expect.stringMatching(message) });
    expect(problemsOf({ list: [{ ok: 1 }, { "a-b": value }] })).toEqual([
      { path: 'payload.list[1]["a-b"]', message: expect.stringMatching(message) },
    ]);
  });

  it.each([undefined, null, 1, "text", true, [], [{}], new Date(0), new Map(), new Money(), () => 1])(
    "%o in place of the whole payload",
    (value) => {
      expect(problemsOf(value)).toEqual([
        { path: "payload", message: expect.stringMatching(/^must be a JSON object, it is /) },
      ]);
    },
  );

  it("a hole in an array", () => {
    // biome-ignore lint/suspicious/noSparseArray: a hole is what is tested.
    expect(problemsOf({ list: [1, , 3] })).toEqual([
      { path: "payload.list[1]", message: "must be plain JSON, it is undefined" },
    ]);
  });

  it("a cycle, at the place where it closes", () => {
    expect(problemsOf(cyclic())).toEqual([{ path: "payload.list[0].back", message: expect.stringMatching(/cycle/) }]);
    const list: unknown[] = [];
    list.push(list);
    expect(problemOf(list)).toEqual({ path: "payload.field[0]", message: expect.stringMatching(/cycle/) });
  });

  it("symbol keys, of objects and of arrays", () => {
    expect(problemOf({ [Symbol("s")]: 1 })).toEqual({ path: "payload.field", message: "must not have symbol keys" });
    expect(problemOf(Object.assign([], { [Symbol("s")]: 1 }))?.path).toBe("payload.field");
  });

  it("named properties of an array, which JSON would lose", () => {
    expect(problemOf(Object.assign([1], { total: 1 }))).toEqual({
      path: "payload.field.total",
      message: expect.stringMatching(/array/),
    });
    expect(problemOf(/(?<word>x)/.exec("x"))?.path).toMatch(/^payload\.field\./);
  });

  it("the key __proto__, wherever it is", () => {
    expect(problemsOf(JSON.parse('{"a":{"__proto__":{"admin":true}}}'))).toEqual([
      { path: "payload.a.__proto__", message: expect.stringMatching(/prototype/) },
    ]);
    expect(problemsOf(JSON.parse('{"__proto__":1}'))).toHaveLength(1);
  });

  it("keys that cannot be stored", () => {
    expect(problemsOf({ "a\0b": 1 })).toEqual([
      { path: 'payload["a\\u0000b"]', message: expect.stringMatching(/NUL/) },
    ]);
    expect(problemsOf({ "\ud800": 1 })).toEqual([
      { path: 'payload["\\ud800"]', message: expect.stringMatching(/surrogate/) },
    ]);
  });

  it("a getter that throws, instead of failing with its error", () => {
    const hostile = {
      get price(): number {
        throw new Error("secret");
      },
    };
    expect(problemOf(hostile)).toEqual({ path: "payload.field.price", message: "cannot be read" });
  });

  it(`more than ${limits.payloadMaxDepth} levels, and accepts just as many`, () => {
    expect(problemsOf(nested(limits.payloadMaxDepth - 1))).toEqual([]);
    const [problem, ...more] = problemsOf(nested(limits.payloadMaxDepth));
    expect(problem?.message).toBe(`nests deeper than ${limits.payloadMaxDepth} levels`);
    expect(problem?.path).toMatch(/^payload\.top/);
    expect(more).toEqual([]);
  });

  it("a million levels without running out of stack", () => {
    expect(problemsOf(nested(1_000_000))).toEqual([
      { path: expect.any(String), message: `nests deeper than ${limits.payloadMaxDepth} levels` },
    ]);
    let objects: unknown = {};
    for (let level = 0; level < 1_000_000; level += 1) objects = { objects };
    expect(problemsOf(objects)).toHaveLength(1);
  });

  it("with at most ten problems and with short paths, however much is wrong", () => {
    const wrong = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`f${index}`, Number.NaN]));
    expect(problemsOf(wrong)).toHaveLength(10);
    expect(problemsOf({ list: new Array(100_000).fill(undefined) })).toHaveLength(10);
    expect(problemsOf({ ["k".repeat(100_000)]: Number.NaN })[0]?.path.length).toBeLessThan(200);
  });

  it("with no value in the messages", () => {
    const problems = problemsOf({ a: "secret\0", b: new Map([["secret", 1]]), c: Symbol("secret"), d: () => "secret" });
    expect(problems).toHaveLength(4);
    expect(JSON.stringify(problems)).not.toContain("secret");
  });
});

describe("copyPlainJson accepts", () => {
  it("an object without a prototype and one of another realm", () => {
    expect(copyPlainJson("payload", Object.assign(Object.create(null), { a: 1 }))).toEqual({
      ok: true,
      value: { a: 1 },
    });
    const foreign: unknown = runInNewContext("({ list: [{ a: 1 }], text: '😀' })");
    expect(copyPlainJson("payload", foreign)).toEqual({ ok: true, value: { list: [{ a: 1 }], text: "😀" } });
  });

  it("the same object in two places, which is no cycle", () => {
    const shared = { a: [1] };
    expect(copyPlainJson("payload", { first: shared, second: [shared, shared] })).toEqual({
      ok: true,
      value: { first: { a: [1] }, second: [{ a: [1] }, { a: [1] }] },
    });
  });

  it("keys that look like an object's own machinery", () => {
    const payload = { constructor: 1, toString: "x", hasOwnProperty: null, prototype: {} };
    expect(copyPlainJson("payload", payload)).toEqual({ ok: true, value: payload });
  });
});

describe("the copy made by copyPlainJson", () => {
  // As JSON.parse makes them, but without the one key that is refused.
  const jsonObject = fc
    .dictionary(fc.string(), fc.jsonValue({ maxDepth: 6, stringUnit: "binary" }))
    .map(
      (value) => JSON.parse(JSON.stringify(value).replaceAll('"__proto__":', '"proto":')) as Record<string, JsonValue>,
    )
    .filter((value) => !/\\u0000|\\ud[89a-f]/i.test(JSON.stringify(value)));

  it("is the same JSON, for any JSON object", () => {
    fc.assert(
      fc.property(jsonObject, (value) => {
        const result = copyPlainJson("payload", value);
        expect(result).toEqual({ ok: true, value });
        if (result.ok) expect(JSON.stringify(result.value)).toBe(JSON.stringify(value));
      }),
    );
  });

  it("is frozen at every level and shares nothing with the input", () => {
    fc.assert(
      fc.property(jsonObject, (value) => {
        const result = copyPlainJson("payload", value);
        if (result.ok) expectDeeplyFrozen(result.value, value);
      }),
    );
  });

  it("does not change when the input is changed later", () => {
    const input = { a: 1, list: [{ b: [2] }] };
    const result = copyPlainJson("payload", input);
    input.a = 9;
    input.list[0]?.b.push(9);
    input.list.push({ b: [] });
    expect(result).toEqual({ ok: true, value: { a: 1, list: [{ b: [2] }] } });
  });
});

function expectDeeplyFrozen(copy: JsonValue, original: unknown): void {
  if (typeof copy !== "object" || copy === null) return;
  expect(Object.isFrozen(copy)).toBe(true);
  expect(copy).not.toBe(original);
  for (const [key, value] of Object.entries(copy)) {
    expectDeeplyFrozen(value, (original as Record<string, unknown>)[key]);
  }
}
