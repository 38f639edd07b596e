import { describe, expect, it } from "vitest";
import { filtered } from "./filtered.js";
import { leased } from "./leased.js";

describe("filtered", () => {
  it.each([undefined, null, "leased", leased, {}])("refuses %j in place of a strategy", (strategy) => {
    expect(() => filtered(strategy as never, { topics: ["a"] })).toThrow(
      "CONFIG.INVALID_OPTIONS: filtered: 1 problem: strategy: expected a fetch strategy, as leased() and optimistic() make them",
    );
  });

  it("reports a wrong strategy and wrong filters at once", () => {
    expect(() => filtered(undefined as never, { topics: [] })).toThrow(
      /^CONFIG\.INVALID_OPTIONS: filtered: 2 problems: topics: .*; strategy: /,
    );
  });

  it("keeps the filters that it checked, whatever becomes of the object", async () => {
    const topics = ["a"];
    const seen: unknown[] = [];
    const inner = { ...leased(), fetch: async (_repository: unknown, request: object) => seen.push(request) };
    const strategy = filtered(inner as never, { topics });
    topics.push("b");
    await strategy.fetch({} as never, {} as never);
    expect(seen).toEqual([{ filters: { topics: ["a"] } }]);
  });
});
