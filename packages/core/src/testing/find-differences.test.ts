import { expect, it } from "vitest";
import { findDifferences } from "./find-differences.js";

it("compares only what is asked for, at any depth", () => {
  const actual = { a: 1, b: { c: [1, { d: 2, e: 3 }], f: null } };
  expect(findDifferences(actual, { b: { c: [1, { d: 2 }], f: null } }, "x")).toEqual([]);
  expect(findDifferences(actual, {}, "x")).toEqual([]);
  expect(findDifferences(actual, undefined, "x")).toEqual([]);
});

it.each([
  [{ a: 1 }, { a: 2 }, ["x.a is 1 instead of 2"]],
  [{ a: 1 }, { b: 2 }, ["x.b is undefined instead of 2"]],
  [{ a: [1, 2] }, { a: [1] }, ["x.a has 2 items instead of 1"]],
  [{ a: [1, 2] }, { a: [1, 3] }, ["x.a[1] is 2 instead of 3"]],
  [{ a: "text" }, { a: [1] }, ["x.a is 'text' instead of [ 1 ]"]],
  [{ a: null }, { a: { b: 1 } }, ["x.a is null instead of { b: 1 }"]],
  [{ a: [1] }, { a: { 0: 1 } }, ["x.a is [ 1 ] instead of { '0': 1 }"]],
  [{}, { constructor: 1 }, ["x.constructor is undefined instead of 1"]],
  [{ a: 1, b: 2 }, { a: 2, b: 1 }, ["x.a is 1 instead of 2", "x.b is 2 instead of 1"]],
])("names every path at which %j is not %j", (actual, expected, differences) => {
  expect(findDifferences(actual, expected, "x")).toEqual(differences);
});

it("compares dates by their time", () => {
  expect(findDifferences({ at: new Date(5) }, { at: new Date(5) }, "x")).toEqual([]);
  expect(findDifferences({ at: new Date(5) }, { at: new Date(6) }, "x")).toHaveLength(1);
  expect(findDifferences({ at: null }, { at: new Date(6) }, "x")).toHaveLength(1);
});
