import { describe, expect, it } from "vitest";
import { stateTransitionSchema } from "./state-transition.js";

const change = { aggregateType: "order", aggregateId: "1", fromState: "OPEN", toState: "PAID", version: 2 };
const isAccepted = async (
  payload: unknown,
  states: readonly (string | number | boolean | null)[] = ["OPEN", "PAID"],
) => {
  const result = await stateTransitionSchema(states)["~standard"].validate(payload);
  return result.issues === undefined;
};

describe("the schema of a changed state", () => {
  it.each([
    ["a change", change, true],
    ["a creation", { ...change, fromState: null }, true],
    ["a change without a version", { ...change, version: null }, true],
    ["an unknown state", { ...change, toState: "GONE" }, false],
    ["an unknown state before", { ...change, fromState: "GONE" }, false],
    ["a state that is absent afterwards", { ...change, toState: null }, false],
    ["a version that is no whole number", { ...change, version: 1.5 }, false],
    ["a negative version", { ...change, version: -1 }, false],
    ["a missing version", { ...change, version: undefined }, false],
    ["an id that is too long", { ...change, aggregateId: "x".repeat(256) }, false],
    ["an id that is a number", { ...change, aggregateId: 1 }, false],
  ])("accepts, or does not accept, %s", async (_name, payload, expected) => {
    expect(await isAccepted(payload)).toBe(expected);
  });

  it("takes numbers, flags and an absent state as states", async () => {
    expect(await isAccepted({ ...change, fromState: 1, toState: 2 }, [1, 2])).toBe(true);
    expect(await isAccepted({ ...change, fromState: false, toState: true }, [true, false])).toBe(true);
    expect(await isAccepted({ ...change, fromState: "OPEN", toState: null }, ["OPEN", null])).toBe(true);
    expect(await isAccepted({ ...change, fromState: "1", toState: 2 }, [1, 2])).toBe(false);
  });

  it.each([[[]], [[{}]], [[undefined]], ["OPEN"]])("refuses %j as the states", (states) => {
    expect(() => stateTransitionSchema(states as never)).toThrow(/^CONFIG\.INVALID_OPTIONS: stateTransitionSchema: /);
  });
});
