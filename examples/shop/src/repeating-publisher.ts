import type { EventPublisher } from "@omni-box/core";

/** A publisher that delivers some messages several times at once, as any broker may. */
export interface RepeatingPublisher extends EventPublisher {
  /** Messages that were published beyond the first time. */
  readonly repetitions: number;
}

/** Publishes each message through `publisher` up to five times, all at the same time. */
export function createRepeatingPublisher(publisher: EventPublisher): RepeatingPublisher {
  let published = 0;
  let repetitions = 0;
  return {
    capabilities: publisher.capabilities,
    get repetitions() {
      return repetitions;
    },
    start: () => publisher.start(),
    stop: (options) => publisher.stop(options),
    health: () => publisher.health(),
    async publish(message, options) {
      const times = 1 + (published % 5);
      published += 1;
      await Promise.all(Array.from({ length: times }, () => publisher.publish(message, options)));
      repetitions += times - 1;
    },
  };
}
