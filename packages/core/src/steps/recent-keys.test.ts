import { expect, it } from "vitest";
import { createRecentKeys } from "./recent-keys.js";

it("counts a key that is added again as the latest", () => {
  const keys = createRecentKeys(100, 2);
  keys.add("a", 0);
  keys.add("b", 1);
  keys.add("a", 2);
  keys.add("c", 3);
  expect(["a", "b", "c"].map((key) => keys.has(key, 3))).toEqual([true, false, true]);
});
