import { describe, expect, it } from "vitest";
import { type ConformanceCase, outboxRepositoryCases, publisherCases, runCase, skipReason } from "./index.js";

interface CountingHarness {
  close(): Promise<void>;
}

function caseThat(run: () => Promise<void>): ConformanceCase<CountingHarness, "a" | "b"> {
  return { id: "kit.case", title: "a case of the kit's own tests", requires: ["a", "b"], run };
}

describe("the kit", () => {
  it("gives every case an id of its own, in the form subject.area.behaviour", () => {
    const ids = [...outboxRepositoryCases, ...publisherCases].map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^(outbox|publisher)\.[a-z-]+\.[a-z-]+$/);
  });

  it("skips a case that needs features which are not declared, and names them", () => {
    const conformanceCase = caseThat(async () => undefined);
    expect(skipReason(conformanceCase, ["a"])).toBe("not declared: b");
    expect(skipReason(conformanceCase, [])).toBe("not declared: a, b");
    expect(skipReason(conformanceCase, ["b", "a"])).toBeNull();
  });

  it("closes the harness after a passed and after a failed case, and reports the case's own failure", async () => {
    const events: string[] = [];
    const createHarness = () => ({
      close: async () => {
        events.push("closed");
        throw new Error("close failed");
      },
    });
    const failing = caseThat(() => Promise.reject(new Error("the adapter is broken")));
    await expect(runCase(failing, createHarness, ["a", "b"])).rejects.toThrow("the adapter is broken");
    const passing = caseThat(async () => undefined);
    await expect(runCase(passing, createHarness, ["a", "b"])).rejects.toThrow("close failed");
    expect(events).toEqual(["closed", "closed"]);
  });
});
