import { expect, it } from "vitest";
import { byLongestPrefix, versionPrefixes } from "./version-prefixes.js";

it("takes a version apart at its dots, the longest beginning first", () => {
  expect(versionPrefixes("1.2.3")).toEqual(["1.2.3", "1.2", "1"]);
  expect(versionPrefixes("2026-01")).toEqual(["2026-01"]);
  expect(versionPrefixes("")).toEqual([""]);
});

it("finds what is kept for the longest beginning, also when that is nothing much", () => {
  const values = new Map([
    ["1", 1],
    ["1.2", 0],
  ]);
  expect(byLongestPrefix(values, "1.2.3")).toBe(0);
  expect(byLongestPrefix(values, "1.3")).toBe(1);
  expect(byLongestPrefix(values, "12")).toBeUndefined();
});
