import { createManualClock } from "@omni-box/core/testing";
import { expect, it } from "vitest";
import { withinTime } from "./within-time.js";

const never = new Promise<string>(() => {});
const timeoutError = () => new Error("too late");

it("gives the result, and leaves no timer behind", async () => {
  const clock = createManualClock();

  expect(await withinTime(Promise.resolve("done"), { clock, timeoutMs: 100, timeoutError })).toBe("done");
  expect(clock.pendingTimers).toBe(0);
});

it("gives the failure", async () => {
  const clock = createManualClock();

  const work = withinTime(Promise.reject(new Error("broken")), { clock, timeoutMs: 100, timeoutError });

  await expect(work).rejects.toThrow("broken");
});

it("rejects when the time is up, and hands on what comes after all", async () => {
  const clock = createManualClock();
  let finish: (value: string) => void = () => {};
  const late: string[] = [];
  const slow = new Promise<string>((resolve) => {
    finish = resolve;
  });

  const work = withinTime(slow, { clock, timeoutMs: 100, timeoutError, onLate: (value) => late.push(value) });
  const rejection = expect(work).rejects.toThrow("too late");
  await clock.advance(100);
  await rejection;
  finish("done");
  await slow;

  expect(late).toEqual(["done"]);
});

it.each(["before", "while"])("rejects with the signal's reason when that aborts %s it waits", async (when) => {
  const clock = createManualClock();
  const abort = new AbortController();
  if (when === "before") abort.abort(new Error("stopped"));

  const work = withinTime(never, { clock, timeoutMs: 100, timeoutError, signal: abort.signal });
  abort.abort(new Error("stopped"));

  await expect(work).rejects.toThrow("stopped");
  expect(clock.pendingTimers).toBe(0);
});
