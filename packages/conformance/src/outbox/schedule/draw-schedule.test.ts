import { expect, it } from "vitest";
import { drawSchedule } from "./draw-schedule.js";

it("draws the same schedule for the same seed, and others for others", () => {
  expect(drawSchedule(7, 40)).toEqual(drawSchedule(7, 40));
  expect(drawSchedule(7, 40)).not.toEqual(drawSchedule(8, 40));
  const kinds = new Set(drawSchedule(7, 500).map((step) => step.do));
  expect(kinds).toEqual(new Set(["add", "take", "take-together", "settle", "extend", "lock", "unlock", "pass"]));
});
