export { type ExpectedEvent, expectOutboxEvent } from "./expect-outbox-event.js";
export type { DeepPartial } from "./find-differences.js";
export { createManualClock, type ManualClock } from "./manual-clock.js";
export { createMemoryBroker, type MemoryBroker, type MemoryBrokerOptions } from "./memory-broker.js";
export { createMemoryOutbox, type MemoryOutbox, type MemoryOutboxOptions } from "./memory-outbox.js";
export {
  createMemoryOutboxRepository,
  type MemoryClient,
  type MemoryOutboxRepository,
  type MemoryOutboxRepositoryOptions,
  type MemoryTransaction,
} from "./memory-outbox-repository.js";
