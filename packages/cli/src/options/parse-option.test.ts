import { describe, expect, it } from "vitest";
import { duration, seqNumber, several, time, waitingTime, wholeNumber } from "./parse-option.js";

describe("the values of options", () => {
  it.each([
    ["500ms", 500],
    ["10s", 10_000],
    ["5min", 300_000],
    ["2h", 7_200_000],
    ["7d", 604_800_000],
  ])("takes the duration %s", (text, ms) => expect(duration(text)).toBe(ms));

  it.each(["", "10", "s", "-1s", "1.5h", "2 h", "1y", "99999999999d"])("refuses the duration %j", (text) => {
    expect(() => duration(text)).toThrow("It must be a duration such as");
  });

  it("takes a time in ISO 8601, and how long ago it was", () => {
    expect(time("2030-01-31T12:00:00Z")).toEqual(new Date("2030-01-31T12:00:00Z"));
    expect(time("2030-01-31")).toEqual(new Date("2030-01-31T00:00:00Z"));
    const before = Date.now();
    const hourAgo = time("1h").getTime();
    expect(hourAgo).toBeGreaterThanOrEqual(before - 3_600_000);
    expect(hourAgo).toBeLessThanOrEqual(Date.now() - 3_600_000);
  });

  it.each(["", "yesterday", "31.1.2030", "2030-13-01", "2030-01-31T", "5", "0000-12-31", "3000000d", "999999999d"])(
    "refuses the time %j",
    (text) => {
      expect(() => time(text)).toThrow("It must be");
    },
  );

  it.each(["0", "1001", "-1", "1e2", "1.0", "", "٣"])("refuses %j where a number from 1 to 1000 is wanted", (text) => {
    expect(() => wholeNumber(1, 1_000)(text)).toThrow("It must be a whole number from 1 to 1000.");
  });

  it("keeps every digit of a seq", () => expect(seqNumber("9223372036854775807")).toBe(9_223_372_036_854_775_807n));

  it.each(["9223372036854775808", "-1", "x", ""])("refuses the seq %j, which no event can have", (text) => {
    expect(() => seqNumber(text)).toThrow("It must be the seq of an event, a whole number.");
  });

  it("takes a time to wait that a timer can wait for, and no shorter one than it may be", () => {
    expect(waitingTime(10)("10ms")).toBe(10);
    expect(waitingTime(10)("24d")).toBe(2_073_600_000);
    for (const text of ["9ms", "0s", "25d"])
      expect(() => waitingTime(10)(text)).toThrow("It must be from 10ms to 24d.");
  });

  it("collects what is given several times, and nothing empty", () => {
    expect(several("b", several("a", undefined))).toEqual(["a", "b"]);
    expect(() => several("", undefined)).toThrow("It must not be empty.");
  });
});
