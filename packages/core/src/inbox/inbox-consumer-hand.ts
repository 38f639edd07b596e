import type { Clock } from "../protocols/clock.js";
import type { Delivery } from "./inbox-consumer-delivery.js";

/** The messages that are delivered and not settled. */
export interface MessagesInHand {
  readonly size: number;
  /** For how long the oldest has been here; 0 when there are none. */
  oldestMs(): number;
  add(delivery: Delivery): void;
  /** @returns `false` when it was not there any more */
  remove(delivery: Delivery): boolean;
  /** Resolves when there are none. */
  empty(): Promise<void>;
}

/** Tells each message when its channel is lost, with one listener per channel. */
export function createMessagesInHand(clock: Clock): MessagesInHand {
  /** With the time of their arrival, in its order. */
  const deliveries = new Map<Delivery, number>();
  const channels = new WeakSet<AbortSignal>();
  let waiting: (() => void)[] = [];

  function watch(lost: AbortSignal): void {
    if (channels.has(lost)) return;
    channels.add(lost);
    const tell = () => {
      for (const delivery of [...deliveries.keys()]) if (delivery.handle.lost === lost) delivery.onLost?.();
    };
    lost.addEventListener("abort", tell, { once: true });
  }

  return {
    get size() {
      return deliveries.size;
    },
    oldestMs() {
      const [oldest] = deliveries.values();
      return oldest === undefined ? 0 : clock.monotonicMs() - oldest;
    },
    add(delivery) {
      deliveries.set(delivery, clock.monotonicMs());
      watch(delivery.handle.lost);
    },
    remove(delivery) {
      if (!deliveries.delete(delivery)) return false;
      if (deliveries.size > 0) return true;
      for (const resolve of waiting) resolve();
      waiting = [];
      return true;
    },
    empty: () => (deliveries.size === 0 ? Promise.resolve() : new Promise((resolve) => void waiting.push(resolve))),
  };
}
