import { expect, it } from "vitest";
import { drawSchedule } from "./draw-schedule.js";
import { shortenSchedule } from "./shorten-schedule.js";

it("keeps only the steps without which a schedule would not fail", async () => {
  const steps = Array.from({ length: 40 }, (_, index) => index);
  const shortest = await shortenSchedule(steps, async (fewer) => [3, 17, 31].every((step) => fewer.includes(step)));
  expect(shortest).toEqual([3, 17, 31]);
});

it("ends with nothing when the failure needs no steps", async () => {
  expect(await shortenSchedule([1, 2, 3], async () => true)).toEqual([]);
});

it("draws the same schedule for the same seed, and others for others", () => {
  expect(drawSchedule(7, 40)).toEqual(drawSchedule(7, 40));
  expect(drawSchedule(7, 40)).not.toEqual(drawSchedule(8, 40));
  const kinds = new Set(drawSchedule(7, 500).map((step) => step.do));
  expect(kinds).toEqual(new Set(["add", "take", "take-together", "settle", "extend", "lock", "unlock", "pass"]));
});
