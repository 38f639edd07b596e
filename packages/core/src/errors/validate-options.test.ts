import { describe, expect, it } from "vitest";
import { z } from "zod";
import { isOmniBoxError } from "./omni-box-error.js";
import { expecting, functionOption, milliseconds, objectWith, validateOptions } from "./validate-options.js";

const schema = z.strictObject({
  leaseMs: milliseconds(1_000).default(30_000),
  name: z.string().min(2).max(5).optional(),
  tags: z.array(z.string()).max(2).optional(),
  run: functionOption<() => void>("() => void").optional(),
  store: objectWith<{ read(): void; write(): void }>("a store", "read", "write").optional(),
  even: expecting<number>("an even number", (value) => Number(value) % 2 === 0).optional(),
});

function problemsOf(options: unknown): unknown {
  try {
    validateOptions("createThing", schema, options);
  } catch (error) {
    if (isOmniBoxError(error, "CONFIG.INVALID_OPTIONS")) return error.meta.problems;
    throw error;
  }
  return [];
}

describe("validateOptions", () => {
  it("fills in the defaults", () => {
    expect(validateOptions("createThing", schema, {})).toEqual({ leaseMs: 30_000 });
  });

  it("passes objects and functions on as they are", () => {
    const store = { read() {}, write() {}, more: 1 };
    const run = () => undefined;
    const parsed = validateOptions("createThing", schema, { store, run });
    expect(parsed.store).toBe(store);
    expect(parsed.run).toBe(run);
  });

  it("lists every problem at once, each with its path", () => {
    const problems = problemsOf({ leaseMs: "soon", run: 1, store: { read() {} }, even: 3, colour: "red", size: 1 });
    expect(problems).toEqual([
      "leaseMs: Invalid input: expected number, received string",
      "run: expected a function () => void",
      "store: expected a store (an object with read, write)",
      "even: expected an even number",
      'unknown option "colour"',
      'unknown option "size"',
    ]);
  });

  it("says of a factory in place of what it makes that it was not called", () => {
    function createStore() {
      return { read() {}, write() {} };
    }
    const nameless = [() => createStore()];
    const expected = "store: expected a store (an object with read, write), got a function: if it makes one, call it";
    expect(problemsOf({ store: createStore })).toEqual([`${expected}: createStore()`]);
    expect(problemsOf({ store: nameless[0] })).toEqual([expected]);
    expect(problemsOf({ run: {} })).toEqual(["run: expected a function () => void"]);
  });

  it("says in one sentence which function was called and how many problems there are", () => {
    expect(() => validateOptions("createThing", schema, { colour: 1 })).toThrow(
      'CONFIG.INVALID_OPTIONS: createThing: 1 problem: unknown option "colour"',
    );
    expect(() => validateOptions("createThing", schema, { colour: 1, size: 2 })).toThrow(
      'createThing: 2 problems: unknown option "colour"; unknown option "size"',
    );
  });

  it.each([
    [{ leaseMs: 10 }, /^leaseMs: .*>=1000.*it is 10$/],
    [{ leaseMs: 3_000_000_000 }, /^leaseMs: .*<=2147483647.*it is 3000000000$/],
    [{ leaseMs: 1_000.5 }, /^leaseMs: .*int/],
    [{ leaseMs: Number.NaN }, /^leaseMs: .*NaN/],
    [{ name: "abcdefg" }, /^name: .*<=5 characters, it has 7$/],
    [{ name: "a" }, /^name: .*>=2 characters, it has 1$/],
    [{ tags: ["a", "b", "c"] }, /^tags: .*<=2 items, it has 3$/],
  ])("names field, limit and actual size of %j", (options, expected) => {
    expect(problemsOf(options)).toEqual([expect.stringMatching(expected)]);
  });

  it.each([undefined, null, 1, "options", []])("refuses %j in place of an object", (options) => {
    expect(problemsOf(options)).toEqual([expect.stringContaining("expected object")]);
  });

  it("shows no value of an option in the message, for it may be a credential", () => {
    expect(JSON.stringify(problemsOf({ name: "hunter2-hunter2", store: "hunter2", leaseMs: "hunter2" }))).not.toMatch(
      /hunter2/,
    );
  });
});
