import { createOutboxRelay } from "../src/outbox/create-outbox-relay.js";
import type { OutboxRelayOptions } from "../src/outbox/relay-options.js";
import { leased } from "../src/processor/leased.js";
import type { OutgoingMessage } from "../src/protocols/event-publisher.js";
import { createManualClock } from "../src/testing/manual-clock.js";
import { createMemoryBroker } from "../src/testing/memory-broker.js";
import { createMemoryOutboxRepository } from "../src/testing/memory-outbox-repository.js";
import { captureLogger } from "./captured-logger.js";
import { driveUntil, driveUntilSettled } from "./drive-clock.js";
import { observeRepository } from "./observed-repository.js";

const queue = "everything";

/** A relay between an in-memory store and an in-memory broker, all on one manual clock. */
export function createRelayFixture(options: Partial<OutboxRelayOptions> = {}) {
  const clock = createManualClock();
  const repository = observeRepository(createMemoryOutboxRepository({ clock, onPublished: "keep" }));
  const broker = createMemoryBroker({ clock });
  broker.bind(queue, "orders.#");
  const logger = captureLogger();
  const publisher = options.publisher ?? broker.publisher();
  const relay = createOutboxRelay({ repository, clock, logger, fetch: leased(), ...options, publisher });

  const delivered = () => broker.messages(queue).map(aggregateIdOf);
  return {
    clock,
    repository,
    broker,
    publisher,
    logger,
    relay,
    /** The aggregate ids of all messages that arrived, in order, repetitions included. */
    delivered,
    /** Moves the clock on until the promise has settled. */
    settle: <T>(promise: Promise<T>, stepMs = 10) => driveUntilSettled(clock, promise, { stepMs }),
    /** Moves the clock on until something has become true. */
    until: (isTrue: () => boolean, stepMs = 10) => driveUntil(clock, isTrue, { stepMs }),
    /** Lets everything run that needs no time. */
    breathe: () => clock.advance(0),
    /** When each claim was sent, from the creation of the fixture on, and for how many events. */
    watchClaims(): { readonly atMs: number; readonly limit: number }[] {
      const claims: { readonly atMs: number; readonly limit: number }[] = [];
      const watchNext = () =>
        repository.onNext("claim", (carryOut, [request]) => {
          claims.push({ atMs: clock.monotonicMs(), limit: (request as { readonly limit: number }).limit });
          watchNext();
          return carryOut();
        });
      watchNext();
      return claims;
    },
  };
}

/** Which aggregate a message is about. */
export function aggregateIdOf({ headers }: OutgoingMessage): string {
  return headers["omni-aggregate-id"] ?? "";
}
