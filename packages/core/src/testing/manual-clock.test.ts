import { expect, it } from "vitest";
import { createManualClock } from "./manual-clock.js";

it("stands still until it is moved, and moves both its times", async () => {
  const clock = createManualClock(1_000);
  expect([clock.now(), clock.monotonicMs()]).toEqual([1_000, 0]);
  await clock.advance(250);
  expect([clock.now(), clock.monotonicMs()]).toEqual([1_250, 250]);
});

it("runs due timers in the order of their times, ties in the order of their creation, each at its own time", async () => {
  const clock = createManualClock(0);
  const ran: string[] = [];
  const note = (name: string) => () => void ran.push(`${name}@${clock.now()}`);
  clock.schedule(30, note("late"));
  clock.schedule(10, note("first"));
  clock.schedule(10, note("second"));
  clock.schedule(31, note("not yet"));
  await clock.advance(30);
  expect(ran).toEqual(["first@10", "second@10", "late@30"]);
  expect(clock.pendingTimers).toBe(1);
});

it("lets promises settle between timers, so that a loop which sets its next timer late is not skipped", async () => {
  const clock = createManualClock(0);
  const turns: number[] = [];
  async function loop(): Promise<void> {
    for (;;) {
      await new Promise<void>((resolve) => void clock.schedule(10, resolve));
      turns.push(clock.now());
    }
  }
  void loop();
  await clock.advance(35);
  expect(turns).toEqual([10, 20, 30]);
});

it("does not run a cancelled timer", async () => {
  const clock = createManualClock();
  const ran: string[] = [];
  const cancel = clock.schedule(5, () => void ran.push("cancelled"));
  cancel();
  cancel();
  await clock.advance(10);
  expect(ran).toEqual([]);
});

it("carries out overlapping calls one after the other", async () => {
  const clock = createManualClock(0);
  await Promise.all([clock.advance(10), clock.advance(5)]);
  expect(clock.now()).toBe(15);
});

it("rejects with what a timer threw, and can be moved on afterwards", async () => {
  const clock = createManualClock(0);
  clock.schedule(10, () => {
    throw new Error("broken timer");
  });
  await expect(clock.advance(20)).rejects.toThrow("broken timer");
  expect(clock.now()).toBe(10);
  await clock.advance(20);
  expect(clock.now()).toBe(30);
});

it("steps the wall clock alone", async () => {
  const clock = createManualClock(1_000);
  clock.stepWallClock(-600);
  expect([clock.now(), clock.monotonicMs()]).toEqual([400, 0]);
});
