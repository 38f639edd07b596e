import type { InboxEvent } from "../events/inbox-event.js";
import type { Outbox } from "../outbox/create-outbox.js";
import type { Step } from "../pipeline/step.js";
import type { FailureCallbacks } from "../processor/failure-notices.js";
import type { Clock } from "../protocols/clock.js";
import type { EventConsumer } from "../protocols/event-consumer.js";
import type { InboxEventRepository } from "../protocols/inbox-event-repository.js";
import type { Logger } from "../protocols/logger.js";
import type { InboxConsumerMetricsRecorder } from "../protocols/metrics.js";
import type { RetryPolicy } from "../resilience/retry-policy.js";
import type { EventRoutes } from "../routing/event-router.js";
import type { EnvelopeParser } from "../wire/envelope-parser.js";
import type { InboxConsumeResult } from "./inbox-consume-result.js";
import type { InboxProcessorTuning } from "./inbox-processor-options.js";
import type { OlderEventsOption } from "./older-events.js";

/** What consumer and processor have in common. */
export interface InboxOptions<Tx, Dependencies> extends FailureCallbacks<InboxEvent> {
  readonly repository: InboxEventRepository<Tx>;
  /** Names this service among those that receive the same messages; at most 255 characters. Never change it: everything would be new. */
  readonly consumerGroup: string;
  readonly router: EventRoutes<Tx, Dependencies>;
  /** Lets handlers publish: `context.outbox`. */
  readonly outbox?: Outbox<Tx> | undefined;
  /** Passed to every handler as `context.dependencies`. */
  readonly dependencies?: Dependencies | undefined;
  /** Steps around each handler, the first one outermost; outside of the transaction. Default none. */
  readonly steps?: readonly Step<InboxEvent>[] | undefined;
  /** The longest time that a handler, or a micro-batch of them, may take; default 30,000 ms. */
  readonly handlerTimeoutMs?: number | undefined;
  /**
   * What is done with an event that is older than another one of its key which has been handled; see {@link OlderEvents}.
   * Default `handle`. A function says it of each event, for routers of whose handlers only some overwrite state.
   *
   * Older and newer are told by the sender's `seq`, which the converters of omni-box send along, among events of one consumer
   * group, topic and partition key. Messages without it are always handled. So all events of a topic must come from one sender.
   */
  readonly olderEvents?: OlderEventsOption | undefined;
  /** Backoff after a counted failure, and when an event is given up; default `exponentialRetry()`. */
  readonly retry?: RetryPolicy | undefined;
  /** How long `stop()` waits for work in flight; default 15,000 ms. */
  readonly stopTimeoutMs?: number | undefined;
  /** For people to read in `locked_by`; default host, process id and a random part. At most 255 characters. */
  readonly workerId?: string | undefined;
  /** A pino logger, or anything like it; default: warnings and errors on stderr. */
  readonly logger?: Logger | undefined;
  readonly clock?: Clock | undefined;
}

/** Asks for `dependencies` where the handlers want some. */
export type DependenciesOption<Dependencies> = undefined extends Dependencies
  ? unknown
  : { readonly dependencies: Dependencies };

/** When a message is acknowledged to the broker. */
export type AckStrategy =
  /** Before it is handled; what fails or crashes is lost. For telemetry. Nothing is stored, duplicates are not recognised. */
  | "atMostOnce"
  /** See {@link CommitPolicy}. For handlers that bear repetition by themselves. */
  | "atLeastOnce"
  /** After the transaction that holds the row and the handler's writes. */
  | "effectivelyOnce";

/**
 * When `atLeastOnce` acknowledges: `onPersist` after the message is stored, and the processor handles it; `onSuccess` only
 * after the handler's transaction, which holds no row, so that repetitions are handled again and failures go back to the broker.
 */
export type CommitPolicy = "onPersist" | "onSuccess";

/** Options of `createInboxConsumer`. */
export interface InboxConsumerOptions<Tx, Dependencies> extends InboxOptions<Tx, Dependencies> {
  /** Started and stopped by the inbox consumer; give each its own. */
  readonly consumer: EventConsumer;
  /** `inline` (default) handles on arrival; `storeThenProcess` stores in bulk, acknowledges, and leaves the handling to the processor. */
  readonly mode?: "inline" | "storeThenProcess" | undefined;
  /** Default `effectivelyOnce`. */
  readonly ack?: AckStrategy | undefined;
  /** Only with `ack: "atLeastOnce"`; default `onPersist`. */
  readonly commitPolicy?: CommitPolicy | undefined;
  /**
   * `none` (default), or `perKey`: messages of one partition key are handled one after the other in the order of their
   * arrival, and none overtakes an earlier one that is still to be retried. Needs one consumer per key at the broker. Not with
   * `atMostOnce` and `onSuccess`, which keep no rows.
   */
  readonly ordering?: "none" | "perKey" | undefined;
  /**
   * Transactions open at once; 1 to 1,000, default 10. Each takes a connection of the repository's pool. More than the
   * prefetch of the consumer is useless.
   */
  readonly concurrency?: number | undefined;
  /**
   * Messages that share one transaction; 1 to 1,000, default 1. When any handler of a batch does not complete, all of it is
   * rolled back and done again message by message. For what is only stored: rows per insert, default 500. Must be 1 with
   * `atMostOnce` and `onSuccess`.
   */
  readonly batchSize?: number | undefined;
  /** Reads the events out of the messages; default `anyParser()`, which recognises all formats of omni-box. */
  readonly parser?: EnvelopeParser | undefined;
  /** Larger messages are stored as failed; default 1,048,576 bytes. */
  readonly messageMaxBytes?: number | undefined;
  /** Counted failures after which an event becomes `failed`; default 10. */
  readonly maxAttempts?: number | undefined;
  /** A message that was delivered before more often than this may kill its process: it is stored and handled alone. Default 2. */
  readonly suspectAfterRedeliveries?: number | undefined;
  /** The processor of stored events that runs with the consumer; `false`: another process does it. Default: with these defaults. */
  readonly processor?: InboxProcessorTuning | false | undefined;
  /** Told what became of each message, once, after it was settled with the broker. Must not throw. */
  readonly onResult?: ((result: InboxConsumeResult) => void) | undefined;
  /** Also receives what the inbox consumer counts. What its processor counts goes to `processor: { metrics }`. */
  readonly metrics?: InboxConsumerMetricsRecorder | undefined;
}
