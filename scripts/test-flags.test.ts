import { expect, it } from "vitest";
import { readTestFlags } from "./test-flags.mjs";

it("reads what npm test understands", () => {
  expect(readTestFlags([])).toEqual({ privateServices: false, only: undefined });
  expect(readTestFlags(["--only", "types,unit", "--private-services"])).toEqual({
    privateServices: true,
    only: ["types", "unit"],
  });
});

it.each([
  [["--foo"], "Unknown option '--foo'. Known: --private-services, --only"],
  [["foo"], "Unexpected argument 'foo'."],
  [["--only"], "Option '--only <value>' argument missing. Known: "],
  [["--only", "--foo"], "Option '--only' argument is ambiguous. Known: "],
  [["--only", "types,uint,"], "Unknown step uint, . Known: "],
  [["--private-services=yes"], "Option '--private-services' does not take an argument. Known: "],
])("says in one line what is wrong with %j", (args, problem) => {
  const flags = readTestFlags(args);
  expect(flags.problem?.startsWith(problem)).toBe(true);
  expect(flags.problem).toMatch(/ Steps: lint, .*node-24\.$/);
  expect(flags.problem).not.toContain("\n");
});
