import type { AckHandle, ConsumedMessage, DeliveryListener } from "@omni-box/core";

/** One message that was delivered. */
export interface Delivered {
  readonly message: ConsumedMessage;
  readonly handle: AckHandle;
}

/** A listener that remembers, and that tests can wait on instead of sleeping. */
export interface Recording {
  readonly listener: DeliveryListener;
  readonly delivered: readonly Delivered[];
  /** Resolves when so many have been delivered in all, with all of them; rejects when they have not after fifteen seconds. */
  waitFor(count: number): Promise<readonly Delivered[]>;
  /** Resolves when a message of every id has been delivered; rejects likewise. */
  waitForIds(ids: readonly string[]): Promise<void>;
}

/** @param onDelivery - what happens to each message after it was remembered */
export function recordDeliveries(onDelivery: (delivered: Delivered) => void = () => undefined): Recording {
  const delivered: Delivered[] = [];
  const waiting = new Set<() => void>();
  function wait(isComplete: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.delete(check);
        reject(new Error(`not everything was delivered within 15 s, only ${delivered.length} messages`));
      }, 15_000);
      const check = () => {
        if (!isComplete()) return;
        clearTimeout(timer);
        waiting.delete(check);
        resolve();
      };
      waiting.add(check);
      check();
    });
  }
  return {
    delivered,
    listener(message, handle) {
      delivered.push({ message, handle });
      onDelivery({ message, handle });
      for (const check of waiting) check();
    },
    async waitFor(count) {
      await wait(() => delivered.length >= count);
      return delivered;
    },
    waitForIds: (ids) =>
      wait(() => {
        const seen = new Set(delivered.map(({ message }) => message.messageId));
        return ids.every((id) => seen.has(id));
      }),
  };
}
