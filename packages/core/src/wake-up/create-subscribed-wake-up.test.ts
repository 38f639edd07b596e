import { afterEach, expect, it, vi } from "vitest";
import { captureLogger } from "../../test/captured-logger.js";
import { createSubscribedWakeUp, type WakeUpSubscriber } from "./create-subscribed-wake-up.js";

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

/** A listener whose subscriptions the test ends, and which cannot subscribe as often as it says. */
function listen({ failures = 0 } = {}) {
  const logger = captureLogger();
  const ends: ((reason: unknown) => void)[] = [];
  const subscribers: WakeUpSubscriber[] = [];
  let wakes = 0;
  let closed = 0;
  let failuresLeft = failures;
  const wakeUp = createSubscribedWakeUp({
    channel: "events",
    logger,
    async subscribe(subscriber) {
      subscribers.push(subscriber);
      if (failuresLeft > 0) {
        failuresLeft -= 1;
        throw new Error("no connection");
      }
      const ending = new AbortController();
      subscriber.stopping.addEventListener("abort", () => ending.abort(subscriber.stopping.reason));
      ends.push((reason) => ending.abort(reason));
      return {
        ended: ending.signal,
        check: () => Promise.resolve(),
        close() {
          closed += 1;
        },
      };
    },
  });
  const stop = wakeUp.listen(() => {
    wakes += 1;
  });
  stops.push(stop);
  return { logger, ends, subscribers, stop, wakes: () => wakes, closed: () => closed };
}

it("wakes when it begins to hear, for every wake-up, and again after a loss, which is told once, like the return", async () => {
  const { logger, ends, subscribers, wakes, closed } = listen();
  await vi.waitFor(() => expect(wakes()).toBe(1));
  subscribers[0]?.onWake();
  expect(wakes()).toBe(2);
  ends[0]?.(new Error("gone"));
  await vi.waitFor(() => expect(wakes()).toBe(3));
  expect([ends.length, closed()]).toEqual([2, 1]);
  expect(logger.alarms).toEqual(["wake-ups are not heard; events wait for the next poll", "wake-ups are heard again"]);
});

it("tries on while it cannot subscribe, and tells of that once", async () => {
  const { logger, subscribers, wakes } = listen({ failures: 2 });
  await vi.waitFor(() => expect(wakes()).toBe(1), { timeout: 5_000 });
  expect([subscribers.length, logger.alarms.length]).toEqual([3, 2]);
});

it("closes its subscription when it is stopped, and subscribes no more", async () => {
  const { stop, subscribers, closed, wakes } = listen();
  await vi.waitFor(() => expect(wakes()).toBe(1));
  await Promise.all([stop(), stop()]);
  expect([closed(), subscribers.length]).toEqual([1, 1]);
});

it("ends at once when it is stopped while it waits to try again", async () => {
  const { stop, subscribers } = listen({ failures: Number.POSITIVE_INFINITY });
  await vi.waitFor(() => expect(subscribers.length).toBeGreaterThan(0));
  await stop();
  const tries = subscribers.length;
  await stop();
  expect(subscribers).toHaveLength(tries);
});
