import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { runStatement } from "./run-statement.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("returns the answer and leaves no timer behind", async () => {
  expect(await runStatement("read", 1_000, async () => 7)).toBe(7);
  expect(vi.getTimerCount()).toBe(0);
});

it("rejects with STORE.TIMEOUT when no answer comes in time", async () => {
  const running = expect(runStatement("claim events", 1_000, () => new Promise(() => undefined))).rejects.toMatchObject(
    {
      code: "STORE.TIMEOUT",
      message: expect.stringContaining("could not claim events: the database did not answer within 1000 ms"),
    },
  );
  await vi.advanceTimersByTimeAsync(1_000);
  await running;
});

it("ignores an answer that comes after the time-out, also a rejection", async () => {
  let fail: (error: Error) => void = () => undefined;
  const late = new Promise<never>((_resolve, reject) => {
    fail = reject;
  });
  const running = expect(runStatement("claim events", 1_000, () => late)).rejects.toMatchObject({
    code: "STORE.TIMEOUT",
  });
  await vi.advanceTimersByTimeAsync(1_000);
  await running;
  fail(new Error("Connection terminated unexpectedly"));
  // An unhandled rejection would fail the run.
  await vi.advanceTimersByTimeAsync(1);
});

it("maps what the call throws, before it returns a promise too, and leaves no timer behind", async () => {
  const refuse = () => {
    throw new Error("Connection terminated");
  };
  await expect(runStatement("read", 1_000, refuse)).rejects.toMatchObject({ code: "STORE.UNREACHABLE" });
  expect(vi.getTimerCount()).toBe(0);
});
