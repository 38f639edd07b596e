export { defaults, limits } from "./defaults.js";
export { classifyFailure } from "./errors/classify-failure.js";
export { describeFailure, type FailureDescription, sanitizeFailureMessage } from "./errors/describe-failure.js";
export { type ErrorCode, errorCodes, type FailureClass } from "./errors/error-codes.js";
export { type ErrorMeta, isOmniBoxError, OmniBoxError, type OmniBoxErrorOptions } from "./errors/omni-box-error.js";
export {
  expecting,
  functionOption,
  invalidOptions,
  milliseconds,
  objectWith,
  validateOptions,
} from "./errors/validate-options.js";
export {
  createOutboxEvent,
  type OutboxEventInput,
  type OutboxEventOptions,
} from "./events/create-outbox-event.js";
export {
  type CreateEventInput,
  defineEvent,
  type EventDefinition,
  type EventDefinitionOptions,
  type PartitionKeyInput,
} from "./events/define-event.js";
export { createEventId } from "./events/event-id.js";
export { reservedHeaderPrefix } from "./events/headers-field.js";
export type { JsonObject, JsonValue } from "./events/json.js";
export type { BaseEvent, EventLease, EventStatus, OutboxEvent } from "./events/outbox-event.js";
export type { OutboxEventDraft } from "./events/outbox-event-draft.js";
export { partitionBucket, partitionHashVersion } from "./events/partition-bucket.js";
export { copyPlainJson, type JsonProblem, type PlainJsonResult } from "./events/plain-json.js";
export {
  createEventService,
  type EventService,
  type EventServiceOptions,
  type LockedEvent,
  type LockRequest,
} from "./lifecycle/create-event-service.js";
export type { AddOptions } from "./outbox/apply-add-options.js";
export { createOutbox, type Outbox, type OutboxOptions } from "./outbox/create-outbox.js";
export {
  createOutboxRelay,
  type OutboxRelay,
  type RelayStopReport,
} from "./outbox/create-outbox-relay.js";
export { type PublishWithOptions, publishWith } from "./outbox/publish-with.js";
export type { RelayMetricsSnapshot } from "./outbox/relay-counters.js";
export type { RelayHealth, RelayState } from "./outbox/relay-health.js";
export type { OutboxRelayOptions } from "./outbox/relay-options.js";
export { type Outcome, type OutcomeKind, outcome } from "./pipeline/outcome.js";
export type { EventHandler, Step, StepContext } from "./pipeline/step.js";
export { bulkCommit } from "./processor/bulk-commit.js";
export type { CommitContext, CommitReport, CommitStrategy } from "./processor/commit-strategy.js";
export { createProcessorBuilder, type EventProcessorBuilder } from "./processor/create-processor-builder.js";
export type { DecidedRows, EventResult } from "./processor/decide-rows.js";
export type {
  BatchProcessingResult,
  ClaimBatchRequest,
  EventBatchProcessor,
  RunBatchControl,
} from "./processor/event-batch-processor.js";
export type { LeaseOptions } from "./processor/fetch-options.js";
export type { ClaimedBatch, FetchRequest, FetchStrategy } from "./processor/fetch-strategy.js";
export { filtered } from "./processor/filtered.js";
export type { LeaseDeadline } from "./processor/lease-deadline.js";
export { leased } from "./processor/leased.js";
export { optimistic } from "./processor/optimistic.js";
export { singleCommit } from "./processor/single-commit.js";
export { type CancelTimer, type Clock, systemClock } from "./protocols/clock.js";
export type {
  EventPublisher,
  OutgoingMessage,
  PublisherCapabilities,
  PublisherHealth,
  PublishOptions,
} from "./protocols/event-publisher.js";
export type {
  ClaimRequest,
  CompletedRow,
  DueQuery,
  EventRef,
  EventRepository,
  FailedRow,
  FetchFilters,
  LeaseRequest,
  OutcomeReceipt,
  PendingRow,
  RepositoryCapabilities,
} from "./protocols/event-repository.js";
export type { Fence, LeaseFence } from "./protocols/fence.js";
export { consoleLogger, type LogFields, type Logger, silentLogger } from "./protocols/logger.js";
export type { RelayCounter, RelayMeasurement, RelayMetricsRecorder } from "./protocols/metrics.js";
export type { AddedEvent, OutboxEventRepository } from "./protocols/outbox-event-repository.js";
export { fullJitterBackoffMs } from "./resilience/backoff.js";
export type { OutageGate } from "./resilience/outage-gate.js";
export { type ExponentialRetryOptions, exponentialRetry, type RetryPolicy } from "./resilience/retry-policy.js";
export { envelopeConverter } from "./wire/envelope-converter.js";
export { eventHeaders, type MessageConverter, messageOf } from "./wire/message-converter.js";
export { rawConverter } from "./wire/raw-converter.js";
export { schemaVersionedConverter } from "./wire/schema-versioned-converter.js";
