export type { ClosableHarness, ConformanceCase, HarnessFactory } from "./conformance-case.js";
export type { ConsumerCase } from "./consumer/consumer-case.js";
export { consumerCases } from "./consumer/consumer-cases.js";
export type {
  ConsumerFeature,
  ConsumerHarness,
  HarnessConsumerOptions,
  RawMessage,
} from "./consumer/consumer-harness.js";
export type { InboxRepositoryCase } from "./inbox/inbox-repository-case.js";
export { inboxRepositoryCases } from "./inbox/inbox-repository-cases.js";
export type { InboxRepositoryFeature, InboxRepositoryHarness } from "./inbox/inbox-repository-harness.js";
export type { DistributedLockCase } from "./lock/distributed-lock-case.js";
export { distributedLockCases } from "./lock/distributed-lock-cases.js";
export type {
  DistributedLockFeature,
  DistributedLockHarness,
  HarnessLockOptions,
} from "./lock/distributed-lock-harness.js";
export type { OutboxRepositoryCase } from "./outbox/outbox-repository-case.js";
export { outboxRepositoryCases } from "./outbox/outbox-repository-cases.js";
export type {
  HarnessRepositoryOptions,
  OutboxRepositoryFeature,
  OutboxRepositoryHarness,
} from "./outbox/outbox-repository-harness.js";
export type { PublisherCase } from "./publisher/publisher-case.js";
export { publisherCases } from "./publisher/publisher-cases.js";
export type { PublisherFeature, PublisherHarness, ReceivedMessage } from "./publisher/publisher-harness.js";
export { runCase } from "./run-case.js";
export { skipReason } from "./skip-reason.js";
