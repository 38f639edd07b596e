import { describe, expect, it } from "vitest";
import { limits } from "../defaults.js";
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

function problemsOf(fields: Record<string, unknown>): unknown {
  try {
    createOutboxEvent({ ...input, ...fields } as never);
  } catch (error) {
    if (isOmniBoxError(error, "MESSAGE.INVALID_EVENT")) return error.meta.problems;
    throw error;
  }
  return [];
}

describe("the headers of an event refuse, with limit and actual size,", () => {
  it("too many headers", () => {
    const headersOf = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`h${index}`, ""]));
    expect(problemsOf({ headers: headersOf(100) })).toEqual([]);
    expect(problemsOf({ headers: headersOf(101) })).toEqual(["headers must be at most 100, they are 101"]);
  });

  it("headers that are too large together, in bytes of names and values", () => {
    const values = Object.fromEntries(
      Array.from({ length: 63 }, (_, index) => [`${index}`.padEnd(8, "h"), "é".repeat(256)]),
    );
    const headersOf = (rest: number) => ({ ...values, r: "x".repeat(rest - 1) });
    const rest = limits.headersMaxBytes - 63 * (8 + 512);
    expect(limits.headersMaxBytes).toBe(32_768);
    expect(problemsOf({ headers: headersOf(8) })).toEqual([]);
    expect(rest).toBe(8);
    expect(problemsOf({ headers: headersOf(9) })).toEqual([
      "headers must have at most 32768 bytes of names and values in UTF-8, they have 32769",
    ]);
  });

  it("headers whose names or values are too long, each by name", () => {
    const [name, longName] = ["n".repeat(64), "m".repeat(65)];
    expect(problemsOf({ headers: { [name]: "v".repeat(512) } })).toEqual([]);
    expect(problemsOf({ headers: { [longName]: "v", b: "v".repeat(513) } })).toEqual([
      `headers.${"m".repeat(64)} the name must have at most 64 characters, it has 65`,
      "headers.b must have at most 512 characters, it has 513",
    ]);
  });

  it.each<[string, unknown, RegExp]>([
    ["an empty name", { "": "v" }, /name must not be empty/],
    ["a name with NUL", { "a\0": "v" }, /name holds a NUL/],
    ["a value with NUL", { a: "\0" }, /^headers.a holds a NUL/],
    ["a value with a lone surrogate", { a: "\udc00" }, /^headers.a holds a NUL character or a lone surrogate$/],
    ["a number as value", { a: 1 }, /^headers.a must be a string, it is number$/],
    ["undefined as value", { a: undefined }, /^headers.a .*string.*undefined/],
    ["a reserved name", { "Omni-Seq": "v" }, /^headers.Omni-Seq names starting with "omni-" are reserved$/],
    ["__proto__", JSON.parse('{"__proto__":"v"}'), /^headers.__proto__ must not be a header name$/],
    ["an object as value", { a: { admin: true } }, /^headers.a must be a string, it is object$/],
    ["a Map", new Map([["a", "v"]]), /^headers /],
    ["an array", ["v"], /^headers /],
    ["null", null, /^headers /],
    ["a symbol key", { [Symbol("s")]: "v" }, /^headers/],
  ])("headers with %s", (_name, headers, expected) => {
    expect(problemsOf({ headers })).toEqual([expect.stringMatching(expected)]);
  });
});
