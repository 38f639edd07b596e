import { describeFailure } from "../errors/describe-failure.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import { createPause } from "../internal/pause.js";
import { stepHealth } from "../processor/step-health.js";
import { defaultWorkerId } from "../processor/worker-id.js";
import { createWorkerLifecycle } from "../processor/worker-lifecycle.js";
import type { WorkerState, WorkerStopReport } from "../processor/worker-state.js";
import { createInboxProcessor, type InboxProcessor } from "./create-inbox-processor.js";
import { createInboxConsumerCounters, type InboxConsumerMetricsSnapshot } from "./inbox-consumer-counters.js";
import { type InboxConsumerHealth, inboxConsumerHealth } from "./inbox-consumer-health.js";
import type { DependenciesOption, InboxConsumerOptions } from "./inbox-consumer-options.js";
import { createInboxConsumerRun, type InboxConsumerRun } from "./inbox-consumer-run.js";
import { type ResolvedInboxConsumerOptions, resolveInboxConsumerOptions } from "./inbox-consumer-validation.js";
import type { InboxProcessorMetricsSnapshot } from "./inbox-processor-counters.js";
import type { InboxProcessorOptions } from "./inbox-processor-options.js";
import { usesSequences } from "./older-events.js";

/** The long-running worker that takes messages from a broker and applies each one's effects once. */
export interface InboxConsumer extends AsyncDisposable {
  readonly state: WorkerState;

  /**
   * Checks the store and the broker's topology, then begins to consume, and starts the processor of stored events. Idempotent;
   * may be called again after `stop()`. When it rejects nothing is running.
   *
   * An unreachable broker does not make it fail: messages wait there.
   *
   * @throws {OmniBoxError} CONFIG.STORE_NOT_READY when tables, migrations or rights are missing; lists all problems.
   * @throws {OmniBoxError} CONFIG.TOPOLOGY_MISMATCH when the broker answers but lacks what the consumer needs.
   * @throws {OmniBoxError} STORE.UNREACHABLE when the database does not answer.
   */
  start(): Promise<void>;

  /**
   * Ends the subscription, gives back what was not begun, and waits up to `stopTimeoutMs` for handlers at work. Then it aborts
   * their signals, so that they roll back and their messages go back to the broker; that may take 5,000 ms more. Stops the
   * processor too, and closes the consumer when the broker has been told of everything.
   *
   * Idempotent: a second call returns the first one's promise. Never rejects over work in flight; see the report. Calls of
   * `start` and `stop` that overlap are carried out one after the other, so that the last one decides.
   */
  stop(): Promise<WorkerStopReport>;

  /** Lets the processor look for stored events at once. */
  nudge(): void;

  /**
   * Resolves when nothing is in hand and the processor has nothing due; says nothing about what waits at the broker. During an
   * outage it waits for its end; it resolves at once when the consumer does not run.
   */
  drain(): Promise<void>;

  health(): InboxConsumerHealth;

  /** Counters since the inbox consumer was created. `processor`: what became of stored events; `null` without a processor. */
  metrics(): InboxConsumerMetrics;
}

/** What `metrics()` of an inbox consumer returns. */
export interface InboxConsumerMetrics extends InboxConsumerMetricsSnapshot {
  readonly processor: InboxProcessorMetricsSnapshot | null;
}

/**
 * Creates an inbox consumer; it does nothing before `start()`. Any number of them may consume one queue, or many, into one table.
 *
 * With the default ack strategy no message is acknowledged before its row is committed, so that no crash loses one, and what a
 * handler writes through its transaction commits together with that row, so that no repetition is applied again.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 * @throws {OmniBoxError} CONFIG.UNSUPPORTED_CAPABILITY when the processor needs what the repository cannot do.
 */
export function createInboxConsumer<Tx, Dependencies>(
  options: InboxConsumerOptions<Tx, Dependencies> & DependenciesOption<Dependencies>,
): InboxConsumer {
  const resolved = resolveInboxConsumerOptions(options);
  const { repository, consumer, consumerGroup, handlerTimeoutMs, stopTimeoutMs, clock, logger } = resolved;
  const workerId = resolved.workerId ?? defaultWorkerId();
  const processor = createProcessor(resolved, workerId);
  const counters = createInboxConsumerCounters(resolved.metrics, logger);
  warnOfIdleRoom(resolved);
  let run: InboxConsumerRun | null = null;

  async function begin(): Promise<void> {
    const problems = await repository.verify({ sequences: usesSequences(resolved.olderEvents) });
    if (problems.length > 0) throw notReady(problems);
    const nudgeProcessor = () => processor?.nudge();
    const begun = createInboxConsumerRun({ options: resolved, counters, workerId, nudgeProcessor });
    run = begun;
    try {
      // Before messages arrive, whose handlers may take every connection for as long as they run.
      await processor?.start();
      await consumer.start(begun.receive);
    } catch (error) {
      await processor?.stop();
      await endRun(begun).catch((stopError: unknown) => {
        logger.warn({ ...describeFailure(stopError) }, "the consumer could not be stopped after the start had failed");
      });
      throw error;
    }
    logger.info({ workerId, consumerGroup }, "the inbox consumer is running");
  }

  async function end(): Promise<WorkerStopReport> {
    if (run === null) return { clean: true, abandoned: 0 };
    // Together with the messages in hand: it has its own time-out, and they do not need it.
    const [report, ofProcessor] = await Promise.all([endRun(run), processor?.stop()]);
    const abandoned = report + (ofProcessor?.abandoned ?? 0);
    logger.info({ workerId, consumerGroup, abandoned }, "the inbox consumer has stopped");
    return { clean: abandoned === 0, abandoned };
  }

  async function pauseConsumer(): Promise<void> {
    try {
      await consumer.pause();
    } catch (error) {
      logger.warn({ ...describeFailure(error) }, "the subscription could not be ended in order; the stop goes on");
    }
  }

  /** @returns how many messages were abandoned */
  async function endRun(ending: InboxConsumerRun): Promise<number> {
    const startedAt = clock.monotonicMs();
    const leftMs = () => Math.max(0, stopTimeoutMs - (clock.monotonicMs() - startedAt));
    try {
      // First, so that nothing that is given back comes here again. A broker that does not answer must not hold up the stop.
      const timeUp = createPause(clock);
      await Promise.race([pauseConsumer(), timeUp.wait(stopTimeoutMs)]);
      timeUp.wake();
      const abandoned = await ending.end(leftMs());
      await consumer.stop({ timeoutMs: leftMs() });
      return abandoned;
    } finally {
      run = null;
    }
  }

  const lifecycle = createWorkerLifecycle({ begin, end });
  return Object.freeze<InboxConsumer>({
    get state() {
      return lifecycle.state;
    },
    start: lifecycle.start,
    stop: lifecycle.stop,
    nudge: () => processor?.nudge(),
    async drain() {
      await run?.idle();
      await processor?.drain();
    },
    health: () =>
      inboxConsumerHealth({
        state: lifecycle.state,
        run,
        steps: stepHealth(resolved.steps),
        consumer: consumer.health(),
        processor: processor?.health() ?? null,
        handlerTimeoutMs,
      }),
    metrics: () => ({ ...counters.snapshot(), processor: processor?.metrics() ?? null }),
    async [Symbol.asyncDispose]() {
      await lifecycle.stop();
    },
  });
}

/** The processor of what the consumer stores, unless another process has one. */
function createProcessor<Tx, Dependencies>(
  options: ResolvedInboxConsumerOptions<Tx, Dependencies>,
  workerId: string,
): InboxProcessor | null {
  const { processor: tuning, repository, consumerGroup, router, outbox, dependencies, steps } = options;
  const { ordering, olderEvents, handlerTimeoutMs, retry, onFailed, onAttempts, stopTimeoutMs, logger, clock } =
    options;
  if (tuning === false) return null;
  const processorOptions: InboxProcessorOptions<Tx, Dependencies> = {
    ...tuning,
    repository,
    consumerGroup,
    router,
    outbox,
    dependencies,
    steps,
    ordering,
    olderEvents,
    workerId,
    handlerTimeoutMs,
    retry,
    onFailed,
    onAttempts,
    stopTimeoutMs,
    logger,
    clock,
  };
  // The types have asked the caller for the dependencies.
  return createInboxProcessor<Tx, Dependencies>(
    processorOptions as typeof processorOptions & DependenciesOption<Dependencies>,
  );
}

/** More room than messages is harmless, and seldom what was meant. */
function warnOfIdleRoom<Tx, Dependencies>(options: ResolvedInboxConsumerOptions<Tx, Dependencies>): void {
  const { consumer, concurrency, batchSize, ackMoment, logger } = options;
  if (ackMoment === "onPersist" || Math.max(concurrency, batchSize) <= consumer.prefetch) return;
  const fields = { prefetch: consumer.prefetch, concurrency, batchSize };
  logger.warn(fields, "prefetch is smaller than concurrency or batchSize: the rest of them is never used");
}

function notReady(problems: readonly string[]): OmniBoxError {
  const message = `the inbox consumer cannot start: ${problems.join("; ")}`;
  return new OmniBoxError("CONFIG.STORE_NOT_READY", message, { meta: { problems } });
}
