import { z } from "zod";
import { OmniBoxError } from "../errors/omni-box-error.js";
import { expecting, functionOption, invalidOptions, objectWith, validateOptions } from "../errors/validate-options.js";
import type { BaseEvent } from "../events/outbox-event.js";
import { composePipeline } from "../pipeline/compose-pipeline.js";
import type { EventHandler, Step } from "../pipeline/step.js";
import { type Clock, systemClock } from "../protocols/clock.js";
import type { EventRepository, RepositoryCapabilities } from "../protocols/event-repository.js";
import { consoleLogger, type Logger } from "../protocols/logger.js";
import { exponentialRetry } from "../resilience/exponential-retry.js";
import type { RetryPolicy } from "../resilience/retry-policy.js";
import { bulkCommit } from "./bulk-commit.js";
import type { CommitStrategy } from "./commit-strategy.js";
import { createEventBatchProcessor, type EventBatchProcessor } from "./event-batch-processor.js";
import type { FetchStrategy } from "./fetch-strategy.js";
import { leased } from "./leased.js";
import { singleCommit } from "./single-commit.js";

/** Puts a processor together by hand. Each method changes the builder and returns it. */
export interface EventProcessorBuilder<E extends BaseEvent> {
  /** How events are claimed; default `leased()`. */
  fetch(strategy: FetchStrategy): EventProcessorBuilder<E>;
  /** Adds steps around the handler, the first one outermost. */
  use(...steps: readonly Step<E>[]): EventProcessorBuilder<E>;
  /** What is done with each event; required. */
  handle(handler: EventHandler<E>): EventProcessorBuilder<E>;
  /** How outcomes are recorded; default `bulkCommit()` where the repository can, else `singleCommit()`. */
  commit(strategy: CommitStrategy): EventProcessorBuilder<E>;
  /** How long an event backs off after a counted failure, and when it is given up; default `exponentialRetry()`. */
  retry(policy: RetryPolicy): EventProcessorBuilder<E>;
  clock(clock: Clock): EventProcessorBuilder<E>;
  /** Default: warnings and errors on stderr. */
  logger(logger: Logger): EventProcessorBuilder<E>;
  /**
   * @throws {OmniBoxError} CONFIG.UNSUPPORTED_CAPABILITY when a strategy needs what the repository cannot do.
   * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS when there is no handler, or something else is not what it should be;
   *   lists all. Or when the handler may take longer than the lease and there is no heartbeat.
   */
  build(): EventBatchProcessor<E>;
}

const builderParts = z.strictObject({
  repository: objectWith<EventRepository<never>>("a repository", "claim", "recordCompleted"),
});

const processorParts = z.strictObject({
  fetch: objectWith<FetchStrategy>("a fetch strategy", "open"),
  commit: objectWith<CommitStrategy>("a commit strategy", "commit"),
  steps: z.array(functionOption<Step<never>>("(event, context, next)")),
  handler: expecting<EventHandler<never>>(
    "an event handler (an object with handle): call handle(…) before build()",
    (value) => typeof value === "object" && value !== null && typeof Reflect.get(value, "handle") === "function",
  ),
  retryPolicy: objectWith<RetryPolicy>("a retry policy", "delayMs"),
  clock: objectWith<Clock>("a clock", "now", "monotonicMs", "schedule"),
  logger: objectWith<Logger>("a logger", "debug", "info", "warn", "error"),
});

/**
 * Starts a processor over a repository.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS when `repository` is not one.
 */
export function createProcessorBuilder<E extends BaseEvent>(repository: EventRepository<E>): EventProcessorBuilder<E> {
  validateOptions("createProcessorBuilder", builderParts, { repository });
  const steps: Step<E>[] = [];
  let fetch: FetchStrategy | undefined;
  let handler: EventHandler<E> | undefined;
  let commit: CommitStrategy | undefined;
  let retryPolicy: RetryPolicy | undefined;
  let clock = systemClock;
  let logger = consoleLogger;

  const builder: EventProcessorBuilder<E> = {
    fetch: (strategy) => set(() => (fetch = strategy)),
    use: (...more) => set(() => steps.push(...more)),
    handle: (given) => set(() => (handler = given)),
    commit: (strategy) => set(() => (commit = strategy)),
    retry: (policy) => set(() => (retryPolicy = policy)),
    clock: (given) => set(() => (clock = given)),
    logger: (given) => set(() => (logger = given)),
    build() {
      const parts = {
        fetch: fetch ?? leased(),
        commit: commit ?? (repository.capabilities.bulkOutcomes ? bulkCommit() : singleCommit()),
        steps: [...steps],
        handler,
        retryPolicy: retryPolicy ?? exponentialRetry(),
        clock,
        logger,
      };
      validateOptions("createProcessorBuilder", processorParts, parts);
      const validHandler = handler as EventHandler<E>;
      assertCapabilities(repository.capabilities, [parts.fetch, parts.commit]);
      assertFits(validHandler, parts.fetch);
      const pipeline = composePipeline(parts.steps, validHandler);
      return createEventBatchProcessor({ ...parts, repository, pipeline });
    },
  };
  const set = (change: () => void) => {
    change();
    return builder;
  };
  return builder;
}

function assertFits({ name, requiredLeaseMs }: EventHandler<never>, fetch: FetchStrategy): void {
  if (fetch.heartbeat || requiredLeaseMs * 2 <= fetch.leaseMs) return;
  const lease = `the lease of ${fetch.name} (${fetch.leaseMs} ms)`;
  throw invalidOptions("createProcessorBuilder", [
    `${name} may take ${requiredLeaseMs} ms, which must be at most half of ${lease}`,
  ]);
}

interface Demanding {
  readonly name: string;
  readonly requires: readonly (keyof RepositoryCapabilities)[];
}

function assertCapabilities(capabilities: RepositoryCapabilities, demanding: readonly Demanding[]): void {
  const problems = demanding.flatMap(({ name, requires }) =>
    requires.filter((capability) => !capabilities[capability]).map((capability) => `${name} needs "${capability}"`),
  );
  if (problems.length === 0) return;
  throw new OmniBoxError(
    "CONFIG.UNSUPPORTED_CAPABILITY",
    `the repository cannot do what was asked: ${problems.join("; ")}. Use optimistic() and singleCommit(), or another repository`,
    { meta: { problems } },
  );
}
