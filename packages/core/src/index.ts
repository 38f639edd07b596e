export { checkAdministration } from "./administration/check-administration.js";
export { type OwnedBucketsOptions, ownedBuckets } from "./buckets/owned-buckets.js";
export {
  createDeadLetterPublisher,
  type DeadLetterPublisher,
} from "./dead-letters/create-dead-letter-publisher.js";
export type {
  DeadLetterCounter,
  DeadLetterMetricsRecorder,
  DeadLetterMetricsSnapshot,
} from "./dead-letters/dead-letter-counters.js";
export { type DeadLetterEvent, deadLetterMessage } from "./dead-letters/dead-letter-message.js";
export type { DeadLetterPublisherOptions } from "./dead-letters/dead-letter-publisher-options.js";
export { defaults, limits } from "./defaults.js";
export { classifyFailure } from "./errors/classify-failure.js";
export { describeFailure, type FailureDescription, sanitizeFailureMessage } from "./errors/describe-failure.js";
export { type ErrorCode, errorCodes, type FailureClass } from "./errors/error-codes.js";
export { type ErrorMeta, isOmniBoxError, OmniBoxError, type OmniBoxErrorOptions } from "./errors/omni-box-error.js";
export { PermanentError } from "./errors/permanent-error.js";
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
export type { EventMigration, OldPayload } from "./events/event-migration.js";
export { reservedHeaderPrefix } from "./events/headers-field.js";
export type { InboxEvent } from "./events/inbox-event.js";
export { createInboxEventId, type InboxEventDraft } from "./events/inbox-event-draft.js";
export type { JsonObject, JsonValue } from "./events/json.js";
export { highestOfEachKey, type KeySequence, newerInTurn, sequenceName } from "./events/key-sequence.js";
export type { BaseEvent, EventLease, EventStatus, OutboxEvent } from "./events/outbox-event.js";
export type { OutboxEventDraft } from "./events/outbox-event-draft.js";
export { partitionBucket, partitionHashVersion } from "./events/partition-bucket.js";
export { payloadText, withPayloadText } from "./events/payload-text.js";
export { copyPlainJson, type JsonProblem, type PlainJsonResult } from "./events/plain-json.js";
export { type StateTransition, stateTransitionSchema, type TransitionState } from "./events/state-transition.js";
export {
  createInboxConsumer,
  type InboxConsumer,
  type InboxConsumerMetrics,
} from "./inbox/create-inbox-consumer.js";
export {
  createInboxProcessor,
  type InboxProcessor,
  type InboxProcessorHealth,
} from "./inbox/create-inbox-processor.js";
export { type DecodedMessage, type DecodeOptions, decodeMessage } from "./inbox/decode-message.js";
export { type HandleWithOptions, handleWith } from "./inbox/handle-stored.js";
export type { InboxConsumeResult } from "./inbox/inbox-consume-result.js";
export type { InboxConsumerMetricsSnapshot } from "./inbox/inbox-consumer-counters.js";
export type { InboxConsumerHealth } from "./inbox/inbox-consumer-health.js";
export type {
  AckStrategy,
  CommitPolicy,
  DependenciesOption,
  InboxConsumerOptions,
  InboxOptions,
} from "./inbox/inbox-consumer-options.js";
export type { InboxProcessorMetricsSnapshot } from "./inbox/inbox-processor-counters.js";
export type { InboxProcessorOptions, InboxProcessorTuning } from "./inbox/inbox-processor-options.js";
export type { OlderEvents, OlderEventsOption } from "./inbox/older-events.js";
export { cautiousLogger } from "./internal/cautious-logger.js";
export {
  createEventService,
  type EventService,
  type EventServiceOptions,
  type LockedEvent,
  type LockRequest,
} from "./lifecycle/create-event-service.js";
export { createDistributedLock, type DistributedLockOptions } from "./locks/create-distributed-lock.js";
export {
  createSingleActive,
  type SingleActive,
  type SingleActiveHealth,
  type SingleActiveOptions,
  type SingleActiveWorker,
} from "./locks/create-single-active.js";
export { createMaintenance, type Maintenance } from "./maintenance/create-maintenance.js";
export type { MaintenanceMetricsRecorder, MaintenanceMetricsSnapshot } from "./maintenance/maintenance-counters.js";
export type {
  MaintainedStore,
  MaintenanceOptions,
  MaintenanceStatistics,
} from "./maintenance/maintenance-options.js";
export type {
  MaintainedStoreName,
  MaintenanceFailure,
  MaintenanceReport,
  StoreMaintenance,
} from "./maintenance/maintenance-report.js";
export type { MaintenanceCounter } from "./maintenance/maintenance-tasks.js";
export type { RequeueRule } from "./maintenance/requeue-rule.js";
export type { AddOptions } from "./outbox/apply-add-options.js";
export { type CountingOutbox, createOutbox, type Outbox, type OutboxOptions } from "./outbox/create-outbox.js";
export {
  createOutboxRelay,
  type OutboxRelay,
  type RelayHealth,
  type RelayState,
  type RelayStopReport,
} from "./outbox/create-outbox-relay.js";
export type { EventContext, EventContextOption } from "./outbox/event-context.js";
export type { OutboxCounter, OutboxMetricsSnapshot } from "./outbox/outbox-counters.js";
export { type PublishWithOptions, publishWith } from "./outbox/publish-with.js";
export type { RelayMetricsSnapshot } from "./outbox/relay-counters.js";
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
export type { FailureCallbacks, FailureNotice } from "./processor/failure-notices.js";
export type { LeasedOptions, LeaseOptions } from "./processor/fetch-options.js";
export type {
  BatchDeadline,
  BatchOrder,
  ClaimedBatch,
  CrashedEvent,
  FetchCondition,
  FetchRequest,
  FetchSession,
  FetchStrategy,
  FetchWorker,
} from "./processor/fetch-strategy.js";
export { filtered } from "./processor/filtered.js";
export type { LeaseDeadline } from "./processor/lease-deadline.js";
export { leased } from "./processor/leased.js";
export { optimistic } from "./processor/optimistic.js";
export { singleCommit } from "./processor/single-commit.js";
export type { WorkerHealth, WorkerState, WorkerStopReport } from "./processor/worker-state.js";
export type {
  AcquiredBucket,
  AcquireRequest,
  BucketOperations,
  BucketPosition,
  BucketReading,
  BucketReadRequest,
  BucketRow,
  BucketSurvey,
  BucketWorker,
  EndedSchedule,
  FailedHead,
  HeadState,
  OpenWriter,
  PeekedRow,
  RenewedBuckets,
} from "./protocols/bucket-operations.js";
export { type CancelTimer, type Clock, systemClock } from "./protocols/clock.js";
export type { DistributedLock, HeldLock, LockOptions } from "./protocols/distributed-lock.js";
export type {
  AdministeredEvent,
  BlockedKey,
  BucketOwner,
  DeadLetter,
  DeadLetterFailure,
  DeadLetterRef,
  EventAdministration,
  EventChangeReport,
  EventChangeRequest,
  EventFilter,
  EventHistoryEntry,
  EventListQuery,
  EventStatistics,
  RemoveOldRequest,
  TakeDeadLettersRequest,
} from "./protocols/event-administration.js";
export {
  type AckHandle,
  type ConsumedMessage,
  type ConsumerCapabilities,
  type ConsumerHealth,
  type DeliveryListener,
  type EventConsumer,
  nullAckHandle,
} from "./protocols/event-consumer.js";
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
export type { BucketFence, Fence, LeaseFence } from "./protocols/fence.js";
export type {
  InboxEventRepository,
  InboxRow,
  InboxTransaction,
  InboxTransactionOptions,
  InboxUse,
  InsertOptions,
  StoredMessage,
} from "./protocols/inbox-event-repository.js";
export type { LockClaim, LockStore } from "./protocols/lock-store.js";
export { consoleLogger, type LogFields, type Logger, silentLogger } from "./protocols/logger.js";
export type {
  InboxConsumerCounter,
  InboxConsumerMeasurement,
  InboxConsumerMetricsRecorder,
  InboxProcessorCounter,
  InboxProcessorMeasurement,
  InboxProcessorMetricsRecorder,
  MetricsRecorder,
  RelayCounter,
  RelayMeasurement,
  RelayMetricsRecorder,
  WorkerCounter,
} from "./protocols/metrics.js";
export type { AddedEvent, OutboxEventRepository } from "./protocols/outbox-event-repository.js";
export type { StopListening, WakeUp, WakeUpSender } from "./protocols/wake-up.js";
export { fullJitterBackoffMs } from "./resilience/backoff.js";
export type { CircuitState } from "./resilience/circuit.js";
export { type ExponentialRetryOptions, exponentialRetry } from "./resilience/exponential-retry.js";
export { type FixedRetryOptions, fixedRetry } from "./resilience/fixed-retry.js";
export type { OutageGate } from "./resilience/outage-gate.js";
export { type RetryByOptions, retryBy } from "./resilience/retry-by.js";
export type { FailedAttempt, RetryLimits, RetryPolicy } from "./resilience/retry-policy.js";
export { createEventRouter } from "./routing/create-event-router.js";
export {
  type EventHandlerDecorator,
  eventHandler,
  type HandledType,
  type HandlerMethod,
} from "./routing/event-handler.js";
export type {
  EventAddress,
  EventRoute,
  EventRouter,
  EventRoutes,
  HandlerAnswer,
  HandlerFunction,
  HandlersFor,
  UnversionedEvent,
} from "./routing/event-router.js";
export type { EventOf, HandledEvent } from "./routing/handled-event.js";
export type { HandlerContext, HandlerOutbox } from "./routing/handler-context.js";
export {
  type EventHandlerResult,
  type HandlerRetryOptions,
  handlerCompleted,
  handlerFailed,
  handlerRetry,
  handlerSkipped,
  handlerStale,
} from "./routing/handler-result.js";
export { createEventSchemaRegistry, type EventSchemaRegistry } from "./schemas/create-event-schema-registry.js";
export {
  type CircuitBreaker,
  type CircuitBreakerOptions,
  type CircuitChange,
  type CircuitSnapshot,
  circuitBreaker,
} from "./steps/circuit-breaker.js";
export { type DeduplicateSiblingsOptions, deduplicateSiblings } from "./steps/deduplicate-siblings.js";
export { type ExclusiveOptions, exclusive } from "./steps/exclusive.js";
export { type FallbackContext, type FallbackHandler, type FallbackOptions, fallback } from "./steps/fallback.js";
export { type RateLimitOptions, rateLimit } from "./steps/rate-limit.js";
export {
  createDebouncedWakeUpSender,
  type DebouncedWakeUpSenderOptions,
} from "./wake-up/create-debounced-wake-up-sender.js";
export {
  createSubscribedWakeUp,
  type SubscribedWakeUpOptions,
  type WakeUpSubscriber,
  type WakeUpSubscription,
} from "./wake-up/create-subscribed-wake-up.js";
export { anyParser } from "./wire/any-parser.js";
export { type CloudEventsOptions, cloudEventsConverter } from "./wire/cloud-events-converter.js";
export { cloudEventsParser } from "./wire/cloud-events-parser.js";
export { deadLetterHeaders } from "./wire/dead-letter-headers.js";
export { envelopeParser } from "./wire/envelope-body-parser.js";
export { envelopeConverter } from "./wire/envelope-converter.js";
export type { EnvelopeData, EnvelopeParser } from "./wire/envelope-parser.js";
export type { ForeignMessageOptions } from "./wire/foreign-message-options.js";
export { eventHeaders, type MessageConverter, messageOf } from "./wire/message-converter.js";
export { rawConverter } from "./wire/raw-converter.js";
export { rawParser } from "./wire/raw-parser.js";
export { readJsonBody } from "./wire/read-json-body.js";
export { schemaVersionedConverter } from "./wire/schema-versioned-converter.js";
export { schemaVersionedParser } from "./wire/schema-versioned-parser.js";
export { undecodable } from "./wire/undecodable.js";
