import { describeFailure } from "../errors/describe-failure.js";
import { createTally } from "../processor/tally.js";
import { workerHealth } from "../processor/worker-health.js";
import { createWorkerLifecycle } from "../processor/worker-lifecycle.js";
import type { WorkerHealth, WorkerState, WorkerStopReport } from "../processor/worker-state.js";
import { type DeadLetterCounter, type DeadLetterMetricsSnapshot, noLettersYet } from "./dead-letter-counters.js";
import { createDeadLetterLoop, type DeadLetterLoop } from "./dead-letter-loop.js";
import type { DeadLetterEvent } from "./dead-letter-message.js";
import { type DeadLetterPublisherOptions, resolveDeadLetterOptions } from "./dead-letter-publisher-options.js";

/**
 * The long-running worker that publishes a copy of each failed event for people, or programs, that look after them. The event itself stays
 * failed, and can be requeued, skipped or purged as before.
 *
 * What is published is recorded in the event's row, so that nothing is lost whenever the process is killed. A letter is published again
 * when its confirm was lost, or was not recorded before the process ended.
 */
export interface DeadLetterPublisher extends AsyncDisposable {
  readonly state: WorkerState;

  /**
   * Checks the broker's topology, then begins to publish. Idempotent; may be called again after `stop()`.
   *
   * An unreachable broker or database does not make it fail: letters wait. When it rejects nothing is running.
   *
   * @throws {OmniBoxError} CONFIG.TOPOLOGY_MISMATCH when the broker answers but lacks what the publisher needs.
   */
  start(): Promise<void>;

  /**
   * Takes no more letters, waits up to `stopTimeoutMs` for confirms, records them, and closes the publisher. Idempotent: a second call
   * returns the first one's promise. Letters that were taken and not published become due when their lease ends.
   */
  stop(): Promise<WorkerStopReport>;

  /** Cuts the current pause short. */
  nudge(): void;

  /**
   * Resolves when no letter is due any more; those that were refused are due later. During an outage it waits for its end; it resolves
   * at once when the worker does not run, and when it is stopped.
   */
  drain(): Promise<void>;

  /** `degraded` while broker or database do not answer, or the broker refuses one letter after the other. */
  health(): WorkerHealth;

  /** Counters since it was created. */
  metrics(): DeadLetterMetricsSnapshot;
}

/**
 * Creates a dead-letter publisher; it does nothing before `start()`. Any number of them may run over one table.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function createDeadLetterPublisher<E extends DeadLetterEvent>(
  given: DeadLetterPublisherOptions<E>,
): DeadLetterPublisher {
  const options = resolveDeadLetterOptions(given);
  const { publisher, clock, logger, metrics, stopTimeoutMs, stallAfterMs } = options;
  const tally = createTally<DeadLetterCounter, never>(noLettersYet(), metrics, logger);
  let loop: DeadLetterLoop | null = null;

  const lifecycle = createWorkerLifecycle({
    async begin() {
      try {
        await publisher.start();
      } catch (error) {
        await publisher.stop({ timeoutMs: 0 }).catch((stopError: unknown) => {
          const fields = { ...describeFailure(stopError) };
          logger.warn(fields, "the publisher could not be stopped after the start had failed");
        });
        throw error;
      }
      loop = createDeadLetterLoop({ options, count: tally.add });
      loop.begin();
      logger.info({}, "the dead-letter publisher is running");
    },
    async end() {
      try {
        const startedAt = clock.monotonicMs();
        const abandoned = (await loop?.end(stopTimeoutMs)) ?? 0;
        const left = Math.max(0, stopTimeoutMs - (clock.monotonicMs() - startedAt));
        await publisher.stop({ timeoutMs: left });
        logger.info({ abandoned }, "the dead-letter publisher has stopped");
        return { clean: abandoned === 0, abandoned };
      } finally {
        loop = null;
      }
    },
  });

  return Object.freeze<DeadLetterPublisher>({
    get state() {
      return lifecycle.state;
    },
    start: lifecycle.start,
    stop: lifecycle.stop,
    nudge: () => loop?.nudge(),
    drain: async () => loop?.drained(),
    health() {
      const reasons = [...publisher.health().reasons];
      const failure = loop?.broker.failure ?? null;
      if (failure !== null) reasons.push(`the broker takes no dead letters: ${failure.message}`);
      return workerHealth({
        name: "the dead-letter publisher",
        state: lifecycle.state,
        loop,
        reasons,
        stallAfterMs,
      });
    },
    metrics: tally.snapshot,
    async [Symbol.asyncDispose]() {
      await lifecycle.stop();
    },
  });
}
