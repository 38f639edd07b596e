import { createDeadLetterPublisher } from "../src/dead-letters/create-dead-letter-publisher.js";
import type { DeadLetterPublisherOptions } from "../src/dead-letters/dead-letter-publisher-options.js";
import type { OutboxEvent } from "../src/events/outbox-event.js";
import { createManualClock } from "../src/testing/manual-clock.js";
import { createMemoryBroker } from "../src/testing/memory-broker.js";
import { createMemoryOutboxRepository } from "../src/testing/memory-outbox-repository.js";
import { deadLetterHeaders } from "../src/wire/dead-letter-headers.js";
import { captureLogger } from "./captured-logger.js";
import { driveUntil, driveUntilSettled } from "./drive-clock.js";
import { observeAdministration } from "./observed-administration.js";

const queue = "dead letters";

/** A dead-letter publisher between an in-memory store and an in-memory broker, all on one manual clock. */
export function createDeadLetterFixture(options: Partial<DeadLetterPublisherOptions<OutboxEvent>> = {}) {
  const clock = createManualClock();
  const repository = createMemoryOutboxRepository({ clock, onPublished: "keep" });
  const administration = observeAdministration(repository.administration);
  const broker = createMemoryBroker({ clock });
  broker.bind(queue, "orders.#");
  const logger = captureLogger();
  const create = () =>
    createDeadLetterPublisher({ administration, publisher: broker.publisher(), clock, logger, ...options });
  return {
    clock,
    repository,
    administration,
    broker,
    logger,
    create,
    letters: create(),
    messages: () => broker.messages(queue),
    /** The events of all letters that arrived, in order, repetitions included. */
    delivered: () => broker.messages(queue).map(({ headers }) => headers[deadLetterHeaders.eventId]),
    settle: <T>(promise: Promise<T>, stepMs = 10) => driveUntilSettled(clock, promise, { stepMs }),
    until: (isTrue: () => boolean, stepMs = 10) => driveUntil(clock, isTrue, { stepMs }),
  };
}
