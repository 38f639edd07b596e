import { describe, expect, it } from "vitest";
import { createManualClock } from "../testing/manual-clock.js";
import { startLeaseDeadline } from "./lease-deadline.js";

describe("a lease deadline", () => {
  it("counts down from the moment at which it was started", async () => {
    const clock = createManualClock();
    const deadline = startLeaseDeadline(clock, 1_000);
    expect(deadline.remainingMs()).toBe(1_000);
    await clock.advance(400);
    expect(deadline.remainingMs()).toBe(600);
    await clock.advance(700);
    expect(deadline.remainingMs()).toBe(-100);
  });

  it("is over when the wall clock says so, as after a suspended machine wakes up", () => {
    const clock = createManualClock();
    const deadline = startLeaseDeadline(clock, 1_000);
    clock.stepWallClock(1_500);
    expect(deadline.remainingMs()).toBe(-500);
  });

  it("is over when the monotonic clock says so, although the wall clock was set back", async () => {
    const clock = createManualClock();
    const deadline = startLeaseDeadline(clock, 1_000);
    clock.stepWallClock(-3_600_000);
    await clock.advance(1_000);
    expect(deadline.remainingMs()).toBe(0);
  });
});
