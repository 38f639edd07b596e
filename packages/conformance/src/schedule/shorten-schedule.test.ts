import { expect, it } from "vitest";
import { shortenSchedule } from "./shorten-schedule.js";

it("keeps only the steps without which a schedule would not fail", async () => {
  const steps = Array.from({ length: 40 }, (_, index) => index);
  const shortest = await shortenSchedule(steps, async (fewer) => [3, 17, 31].every((step) => fewer.includes(step)));
  expect(shortest).toEqual([3, 17, 31]);
});

it("ends with nothing when the failure needs no steps", async () => {
  expect(await shortenSchedule([1, 2, 3], async () => true)).toEqual([]);
});
