import { defaults } from "../defaults.js";
import type { Clock } from "../protocols/clock.js";
import type { Delivery } from "./inbox-consumer-delivery.js";
import { createWaitingLine } from "./inbox-consumer-waiting-line.js";

/** Keeps a message in hand for a time, at most 300,000 ms. Resolves early when it is lost, and with a stop. */
export type WaitInHand = (delivery: Delivery, delayMs: number) => Promise<void>;

/** @param stopping - aborted when nothing more is to be begun */
export function createWaitInHand(clock: Clock, stopping: AbortSignal): WaitInHand {
  const waiting = createWaitingLine<() => void>();
  stopping.addEventListener("abort", () => waiting.withdrawAll(), { once: true });
  return (delivery, delayMs) => {
    if (stopping.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = clock.schedule(Math.min(delayMs, defaults.retryMaxMs), () => {
        waiting.take(1, (entry) => entry === resolve);
        resolve();
      });
      waiting.join(delivery, resolve, () => {
        cancel();
        resolve();
      });
    });
  };
}
