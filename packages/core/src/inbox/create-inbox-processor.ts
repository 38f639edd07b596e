import { defaults } from "../defaults.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import type { InboxEvent } from "../events/inbox-event.js";
import { createPause } from "../internal/pause.js";
import { createProcessorBuilder } from "../processor/create-processor-builder.js";
import { createFailureNotices } from "../processor/failure-notices.js";
import type { FetchCondition } from "../processor/fetch-strategy.js";
import { filtered } from "../processor/filtered.js";
import { stepHealth } from "../processor/step-health.js";
import { warnOfBucketOwners } from "../processor/warn-of-bucket-owners.js";
import { workerHealth } from "../processor/worker-health.js";
import { defaultWorkerId } from "../processor/worker-id.js";
import { createWorkerLifecycle } from "../processor/worker-lifecycle.js";
import type { WorkerLoop } from "../processor/worker-loop.js";
import type { WorkerHealth, WorkerState, WorkerStopReport } from "../processor/worker-state.js";
import { createRetryDecisions } from "../resilience/retry-decisions.js";
import { createStoredHandler } from "./handle-stored.js";
import { createHandlerSlots } from "./handler-slots.js";
import type { DependenciesOption } from "./inbox-consumer-options.js";
import { createInboxLoop } from "./inbox-loop.js";
import { createInboxProcessorCounters, type InboxProcessorMetricsSnapshot } from "./inbox-processor-counters.js";
import { type InboxProcessorOptions, resolveInboxProcessorOptions } from "./inbox-processor-options.js";
import { createHandlingGate } from "./inbox-processor-outage.js";
import { inboxTurns } from "./inbox-processor-turns.js";
import { usesSequences } from "./older-events.js";

/** Whether the processor does its work, for a health endpoint. */
export interface InboxProcessorHealth extends WorkerHealth {
  /**
   * Partition keys of the processor's own buckets that stand still behind a failed event, as far as it has seen; nothing is asked
   * of the database. They need a person, not a restart, so they do not change the status. Only with `ownedBuckets()`.
   */
  readonly blockedKeys?: number;
  /** Buckets that the processor owns. Left out where `blockedKeys` is. */
  readonly ownedBuckets?: number;
}

/** The long-running worker that handles the stored events of one consumer group: retries, and what was only stored. */
export interface InboxProcessor extends AsyncDisposable {
  readonly state: WorkerState;

  /**
   * Checks the store, then begins to work. Idempotent; may be called again after `stop()`. When it rejects nothing is running.
   *
   * @throws {OmniBoxError} CONFIG.STORE_NOT_READY when tables, migrations or rights are missing; lists all problems.
   * @throws {OmniBoxError} STORE.UNREACHABLE when the database does not answer.
   */
  start(): Promise<void>;

  /**
   * Stops claiming, releases what was not begun, and waits up to `stopTimeoutMs` for handlers at work and their outcomes. Then
   * it aborts their signals, so that they roll back, and leaves their events to the lease. Outcomes that are being recorded
   * get 5,000 ms more.
   *
   * Idempotent: a second call returns the first one's promise. Never rejects over work in flight; see the report. Calls of
   * `start` and `stop` that overlap are carried out one after the other, so that the last one decides.
   */
  stop(): Promise<WorkerStopReport>;

  /** Cuts the current pause short, when an event has just been stored. Costs nothing while the processor is busy. */
  nudge(): void;

  /**
   * Resolves when nothing is due and nothing is in work any more: two polls in a row found nothing. During an outage it
   * waits for its end; it resolves at once when the processor does not run, and when it is stopped.
   */
  drain(): Promise<void>;

  health(): InboxProcessorHealth;

  /** Counters since the processor was created. */
  metrics(): InboxProcessorMetricsSnapshot;
}

/**
 * Creates a processor; it does nothing before `start()`. Any number of them may run over one table.
 *
 * What a handler writes through its transaction is applied once: it commits together with the completion of its event, under
 * the event's lease or its bucket's, or not at all.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 * @throws {OmniBoxError} CONFIG.UNSUPPORTED_CAPABILITY when the repository cannot do what the fetch strategy needs: claim in
 *   bulk, by default, and in order per key or own buckets if that is asked.
 */
export function createInboxProcessor<Tx, Dependencies>(
  options: InboxProcessorOptions<Tx, Dependencies> & DependenciesOption<Dependencies>,
): InboxProcessor {
  const resolved = resolveInboxProcessorOptions(options);
  const { consumerGroup, concurrency, fetch, olderEvents, handlerTimeoutMs, retry, clock, logger } = resolved;
  const { repository, router, outbox, dependencies } = options;
  const counters = createInboxProcessorCounters(resolved.metrics, clock, logger);
  const notices = createFailureNotices<InboxEvent>(options, logger);
  const workerId = resolved.workerId ?? defaultWorkerId();
  let loop: WorkerLoop | null = null;
  const slots = createHandlerSlots(concurrency, () => loop?.progressed());
  const gate = createHandlingGate();
  const started = new WeakSet<InboxEvent>();
  const isStartCounted = (event: InboxEvent) => started.has(event);
  const retryDecisions = createRetryDecisions(retry, () => clock.now());
  const handling = { router, outbox, dependencies, handlerTimeoutMs, logger, clock, olderEvents };
  const processor = createProcessorBuilder(repository)
    .fetch(filtered(fetch, { consumerGroup }))
    .use(
      inboxTurns({ repository, slots, isStartCounted, gate, retry: retryDecisions, handlerTimeoutMs }),
      ...resolved.steps,
    )
    .handle(createStoredHandler(repository, handling, gate, counters.onHandled))
    .retry(retry)
    .clock(clock)
    .logger(logger)
    .build();

  const lifecycle = createWorkerLifecycle({
    async begin() {
      const problems = await repository.verify({
        sequences: usesSequences(olderEvents),
        buckets: fetch.requires.includes("ownedBuckets"),
      });
      if (problems.length > 0) throw notReady(problems);
      await warnOfBucketOwners({
        buckets: repository.bucketsOf?.(consumerGroup),
        fetch,
        of: `the consumer group "${consumerGroup}"`,
        meanwhile: "handlers work for nothing on what the other has in hand, and keys lose their order",
        logger,
      });
      const onStartCounted = (event: InboxEvent) => started.add(event);
      loop = createInboxLoop({
        processor,
        counters,
        notices,
        slots,
        gate,
        options: resolved,
        workerId,
        onStartCounted,
      });
      loop.begin();
      logger.info({ workerId, consumerGroup }, "the inbox processor is running");
    },
    async end() {
      try {
        const ending = loop?.end(resolved.stopTimeoutMs);
        slots.dismiss();
        const abandoned = (await ending) ?? 0;
        // A lone start that was given up has killed nobody and is still taken back, unless a step holds it.
        const recorded = createPause(clock);
        await Promise.race([slots.whenNoneAlone(), recorded.wait(defaults.stopRecordMs)]);
        recorded.wake();
        logger.info({ workerId, consumerGroup, abandoned }, "the inbox processor has stopped");
        return { clean: abandoned === 0, abandoned };
      } finally {
        loop = null;
      }
    },
  });

  return Object.freeze({
    get state() {
      return lifecycle.state;
    },
    start: lifecycle.start,
    stop: lifecycle.stop,
    nudge: () => loop?.nudge(),
    drain: async () => loop?.drained(),
    health() {
      const condition = loop === null ? undefined : processor.condition(workerId);
      const worker = workerHealth({
        name: "the inbox processor",
        state: lifecycle.state,
        loop,
        reasons: [...reasonsOf(condition), ...stepHealth(resolved.steps)],
        stallAfterMs: resolved.stallAfterMs + handlerTimeoutMs,
      });
      if (condition === undefined) return worker;
      const { blockedKeys, ownedBuckets } = condition;
      return { ...worker, blockedKeys, ownedBuckets };
    },
    metrics: () => counters.snapshot(),
    async [Symbol.asyncDispose]() {
      await lifecycle.stop();
    },
  });
}

function reasonsOf(condition: FetchCondition | undefined): readonly string[] {
  if (!condition?.failure) return [];
  return [`the database, asked about buckets, does not answer: ${condition.failure.message}`];
}

function notReady(problems: readonly string[]): OmniBoxError {
  const message = `the inbox processor cannot start: ${problems.join("; ")}`;
  return new OmniBoxError("CONFIG.STORE_NOT_READY", message, { meta: { problems } });
}
