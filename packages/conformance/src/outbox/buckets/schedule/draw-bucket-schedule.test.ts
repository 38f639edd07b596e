import { expect, it } from "vitest";
import { drawBucketSchedule } from "./draw-bucket-schedule.js";

it("draws the same schedule of owners for the same seed, and others for others", () => {
  expect(drawBucketSchedule(7, 40)).toEqual(drawBucketSchedule(7, 40));
  expect(drawBucketSchedule(7, 40)).not.toEqual(drawBucketSchedule(8, 40));
  const kinds = new Set(drawBucketSchedule(7, 800).map((step) => step.do));
  const ownership = ["acquire", "acquire-together", "renew", "release", "restart", "leave", "clean", "survey"];
  expect(kinds).toEqual(new Set([...ownership, "add", "read", "settle", "pass"]));
});
