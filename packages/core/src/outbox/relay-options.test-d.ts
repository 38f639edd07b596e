import type { EventPublisher } from "../protocols/event-publisher.js";
import type { OutboxEventRepository } from "../protocols/outbox-event-repository.js";
import { createMemoryBroker } from "../testing/memory-broker.js";
import { createMemoryOutboxRepository } from "../testing/memory-outbox-repository.js";
import { createOutboxRelay } from "./create-outbox-relay.js";

declare const repository: OutboxEventRepository<{ readonly execute: () => void }, { readonly connect: () => void }>;
declare const publisher: EventPublisher;

// A relay needs no transactions, so any outbox repository will do.
createOutboxRelay({ repository, publisher });
createOutboxRelay({ repository: createMemoryOutboxRepository(), publisher: createMemoryBroker().publisher() });
// Options that an application computes may be undefined.
createOutboxRelay({ repository, publisher, batchSize: undefined, fetch: undefined, logger: undefined });
// Steps see outbox events.
createOutboxRelay({
  repository,
  publisher,
  steps: [(event, _context, next) => (event.aggregateType.length > 0 ? next() : next())],
});

// @ts-expect-error no publisher
createOutboxRelay({ repository });
// @ts-expect-error an option that does not exist
createOutboxRelay({ repository, publisher, pollMs: 10 });
// @ts-expect-error a step must answer with an outcome
createOutboxRelay({ repository, publisher, steps: [async () => true] });
