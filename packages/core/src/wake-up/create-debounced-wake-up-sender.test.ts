import { expect, it, vi } from "vitest";
import { captureLogger } from "../../test/captured-logger.js";
import { createDebouncedWakeUpSender } from "./create-debounced-wake-up-sender.js";

/** A sender whose wake-ups are counted, and fail while it says so. */
function setUp() {
  const logger = captureLogger();
  const state = { sent: 0, isDown: false };
  const sender = createDebouncedWakeUpSender({
    channel: "events",
    logger,
    async send() {
      state.sent += 1;
      if (state.isDown) throw new Error("no connection");
    },
  });
  return { logger, sender, state };
}

it("sends the first wake-up at once, and one for all that follow at once", async () => {
  const { sender, state } = setUp();
  for (let call = 0; call < 100; call += 1) sender.notify();
  expect(state.sent).toBe(1);
  await vi.waitFor(() => expect(state.sent).toBe(2));
  sender.notify();
  await vi.waitFor(() => expect(state.sent).toBe(3));
});

it("says once that it cannot send, tries once a second meanwhile, and says once that it can again", async () => {
  const { logger, sender, state } = setUp();
  state.isDown = true;
  for (let call = 0; call < 100; call += 1) sender.notify();
  await vi.waitFor(() => expect(logger.alarms).toEqual(["wake-ups cannot be sent; events wait for the next poll"]));
  state.isDown = false;
  await vi.waitFor(() => expect(logger.alarms.at(-1)).toBe("wake-ups are sent again"), { timeout: 5_000 });
  expect(state.sent).toBe(2);
});
