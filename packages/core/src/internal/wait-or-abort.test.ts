import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { createManualClock } from "../testing/manual-clock.js";
import { aborted, waitOrAbort } from "./wait-or-abort.js";

describe("waitOrAbort", () => {
  it("waits until the time is over, and leaves nothing behind", async () => {
    const clock = createManualClock();
    const { signal } = new AbortController();
    let isOver = false;
    const waiting = waitOrAbort(clock, 100, signal).then(() => {
      isOver = true;
    });
    await clock.advance(99);
    expect(isOver).toBe(false);
    await clock.advance(1);
    await waiting;
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("ends when the signal is aborted, and leaves no timer behind", async () => {
    const clock = createManualClock();
    const controller = new AbortController();
    const waiting = waitOrAbort(clock, 100, controller.signal);
    controller.abort();
    await waiting;
    expect(clock.pendingTimers).toBe(0);
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
  });

  it("does not wait when the signal was aborted before, or when there is nothing to wait for", async () => {
    const clock = createManualClock();
    await waitOrAbort(clock, 100, AbortSignal.abort());
    await waitOrAbort(clock, 0, new AbortController().signal);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("aborted", () => {
  it("resolves when the signal is aborted, and at once when it was before", async () => {
    const controller = new AbortController();
    const waiting = aborted(controller.signal);
    controller.abort();
    await waiting;
    await aborted(controller.signal);
  });
});
