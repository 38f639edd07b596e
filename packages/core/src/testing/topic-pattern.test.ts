import { expect, it } from "vitest";
import { matchesTopic } from "./topic-pattern.js";

it.each([
  ["orders", "orders", true],
  ["orders", "order", false],
  ["orders", "orders.placed", false],
  ["orders.*", "orders.placed", true],
  ["orders.*", "orders", false],
  ["orders.*", "orders.placed.eu", false],
  ["*.placed", "orders.placed", true],
  ["#", "orders", true],
  ["#", "orders.placed.eu", true],
  ["orders.#", "orders", true],
  ["orders.#", "orders.placed.eu", true],
  ["#.eu", "orders.placed.eu", true],
  ["#.eu", "eu", true],
  ["orders.#.eu", "orders.eu", true],
  ["orders.#.eu", "orders.placed.us", false],
  ["orders.*.#", "orders", false],
])("pattern %s over topic %s: %s", (pattern, topic, expected) => {
  expect(matchesTopic(pattern, topic)).toBe(expected);
});
