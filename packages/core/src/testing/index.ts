export { type ExpectedEvent, expectOutboxEvent } from "./expect-outbox-event.js";
export type { DeepPartial } from "./find-differences.js";
export { createManualClock, type ManualClock } from "./manual-clock.js";
export { createMemoryBroker, type MemoryBroker, type MemoryBrokerOptions } from "./memory-broker.js";
export type { MemoryConsumerOptions } from "./memory-consumer.js";
export type { MemoryMessage } from "./memory-delivery-queue.js";
export {
  createMemoryInbox,
  type DeliverOptions,
  type MemoryInbox,
  type MemoryInboxOptions,
  type MemoryInboxResult,
} from "./memory-inbox.js";
export {
  createMemoryInboxRepository,
  type MemoryInboxRepository,
  type MemoryInboxRepositoryOptions,
} from "./memory-inbox-repository.js";
export { createMemoryLock, type MemoryLock, type MemoryLockOptions } from "./memory-lock.js";
export { createMemoryOutbox, type MemoryOutbox, type MemoryOutboxOptions } from "./memory-outbox.js";
export {
  createMemoryOutboxRepository,
  type MemoryClient,
  type MemoryOutboxRepository,
  type MemoryOutboxRepositoryOptions,
} from "./memory-outbox-repository.js";
export type { MemoryTransaction } from "./memory-transaction.js";
