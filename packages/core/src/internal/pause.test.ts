import { describe, expect, it } from "vitest";
import { createManualClock } from "../testing/manual-clock.js";
import { createPause } from "./pause.js";

/** Says whether the promise has settled by now. */
function watch(promise: Promise<void>): { readonly isOver: boolean } {
  const watched = { isOver: false };
  void promise.then(() => {
    watched.isOver = true;
  });
  return watched;
}

describe("a pause", () => {
  it("lasts as long as it was asked to, and no longer", async () => {
    const clock = createManualClock();
    const waiting = watch(createPause(clock).wait(100));
    await clock.advance(99);
    expect(waiting.isOver).toBe(false);
    await clock.advance(1);
    expect(waiting.isOver).toBe(true);
  });

  it("is cut short by a wake-up, and leaves no timer behind", async () => {
    const clock = createManualClock();
    const pause = createPause(clock);
    const waiting = watch(pause.wait(100));
    pause.wake();
    await clock.advance(0);
    expect(waiting.isOver).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });

  it("does not begin when a wake-up came while nobody waited, but the one after it does", async () => {
    const clock = createManualClock();
    const pause = createPause(clock);
    pause.wake();
    pause.wake();
    await pause.wait(100);
    const next = watch(pause.wait(100));
    await clock.advance(99);
    expect(next.isOver).toBe(false);
    await clock.advance(1);
    expect(next.isOver).toBe(true);
  });

  it("forgets a wake-up that has cut a wait short", async () => {
    const clock = createManualClock();
    const pause = createPause(clock);
    const first = pause.wait(100);
    pause.wake();
    await first;
    const next = watch(pause.wait(100));
    await clock.advance(99);
    expect(next.isOver).toBe(false);
  });

  it("of no length is over at once", async () => {
    const clock = createManualClock();
    await createPause(clock).wait(0);
    await createPause(clock).wait(-5);
    expect(clock.pendingTimers).toBe(0);
  });
});
