import type { EventPublisher } from "../src/protocols/event-publisher.js";
import { createMemoryBroker } from "../src/testing/memory-broker.js";

/** A publisher of an in-memory broker, parts of it replaced, whose calls of start and stop are written down. */
export function publisherWith(changes: Partial<EventPublisher>) {
  const base = { ...createMemoryBroker().publisher(), ...changes };
  const calls: string[] = [];
  const publisher: EventPublisher = {
    ...base,
    start: () => {
      calls.push("start");
      return base.start();
    },
    stop: (options) => {
      calls.push(`stop ${options.timeoutMs}`);
      return base.stop(options);
    },
  };
  return { publisher, calls };
}
