import { z } from "zod";
import { defaults, limits } from "../defaults.js";
import { functionOption, milliseconds, objectWith, validateOptions } from "../errors/validate-options.js";
import type { InboxEvent } from "../events/inbox-event.js";
import { cautiousLogger } from "../internal/cautious-logger.js";
import type { Outbox } from "../outbox/create-outbox.js";
import type { Step } from "../pipeline/step.js";
import { failureCallbackOptions } from "../processor/failure-notices.js";
import type { FetchStrategy } from "../processor/fetch-strategy.js";
import { leased } from "../processor/leased.js";
import { type Clock, systemClock } from "../protocols/clock.js";
import type { InboxEventRepository } from "../protocols/inbox-event-repository.js";
import { consoleLogger, type Logger } from "../protocols/logger.js";
import type { InboxProcessorMetricsRecorder } from "../protocols/metrics.js";
import { exponentialRetry } from "../resilience/exponential-retry.js";
import type { RetryPolicy } from "../resilience/retry-policy.js";
import type { EventRoutes } from "../routing/event-router.js";
import type { InboxOptions } from "./inbox-consumer-options.js";
import { olderEventsOption } from "./older-events.js";

/** How stored events are polled and worked on. */
export interface InboxProcessorTuning {
  /** Events per claim, 1 to 1,000; default 50. */
  readonly batchSize?: number | undefined;
  /** Handlers at work at once, 1 to 1,000; default 10. Each takes a connection of the repository's pool. */
  readonly concurrency?: number | undefined;
  /**
   * How events are divided among the processors of the group; default: rows are leased, with a heartbeat, in the way that `ordering`
   * asks for. `ownedBuckets()` keeps the order per key and claims nothing. All processors of a group should have the same.
   */
  readonly fetch?: FetchStrategy | undefined;
  /**
   * How long a claim keeps its rows; default 30,000 ms, at least 1,000 ms. Extended by a heartbeat while handlers run. Not with
   * `fetch`, which has a lease of its own.
   */
  readonly leaseMs?: number | undefined;
  /** Shortest pause between polls that find little or nothing; default 10 ms. */
  readonly pollMinMs?: number | undefined;
  /** Longest pause between polls that find nothing; default 1,000 ms. */
  readonly pollMaxMs?: number | undefined;
  /** A loop in which nothing moves for this long, beyond the time of a handler, makes `health()` unhealthy; default 60,000 ms. */
  readonly stallAfterMs?: number | undefined;
  /** Also receives what the processor counts. */
  readonly metrics?: InboxProcessorMetricsRecorder | undefined;
}

/** Options of `createInboxProcessor`. */
export interface InboxProcessorOptions<Tx, Dependencies> extends InboxOptions<Tx, Dependencies>, InboxProcessorTuning {
  /** `perKey`: only the earliest pending event of each key is handled; default `none`. */
  readonly ordering?: "none" | "perKey" | undefined;
}

const processorOptions = z.strictObject({
  repository: objectWith<InboxEventRepository<never>>("an inbox repository", "claim", "transaction", "store", "verify"),
  consumerGroup: z.string().min(1).max(limits.consumerGroupMaxLength),
  router: objectWith<EventRoutes<never, never>>("an event router", "route"),
  outbox: objectWith<Outbox<never>>("an outbox", "add").optional(),
  dependencies: z.unknown().optional(),
  steps: z.array(functionOption<Step<InboxEvent>>("(event, context, next)")).default([]),
  handlerTimeoutMs: milliseconds(1).default(defaults.handlerTimeoutMs),
  retry: objectWith<RetryPolicy>("a retry policy", "delayMs").default(() => exponentialRetry()),
  ordering: z.enum(["none", "perKey"]).default("none"),
  olderEvents: olderEventsOption,
  batchSize: z.int().min(1).max(1_000).default(defaults.processorBatchSize),
  concurrency: z.int().min(1).max(1_000).default(defaults.processorConcurrency),
  fetch: objectWith<FetchStrategy>("a fetch strategy", "open").optional(),
  leaseMs: milliseconds(1_000).optional(),
  pollMinMs: milliseconds(1).default(defaults.pollMinMs),
  pollMaxMs: milliseconds(1).default(defaults.pollMaxMs),
  ...failureCallbackOptions<InboxEvent>(),
  stopTimeoutMs: milliseconds(0).default(defaults.stopTimeoutMs),
  stallAfterMs: milliseconds(1).default(defaults.stallAfterMs),
  metrics: objectWith<InboxProcessorMetricsRecorder>("a metrics recorder", "add", "record").optional(),
  workerId: z.string().min(1).max(limits.workerIdMaxLength).optional(),
  logger: objectWith<Logger>("a logger", "debug", "info", "warn", "error")
    .default(consoleLogger)
    .transform(cautiousLogger),
  clock: objectWith<Clock>("a clock", "now", "monotonicMs", "schedule").default(systemClock),
});

/** The options with their defaults filled in. */
export type ResolvedInboxProcessorOptions = Omit<z.output<typeof processorOptions>, "leaseMs"> & {
  readonly fetch: FetchStrategy;
};

/**
 * Checks the options by themselves and against each other.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function resolveInboxProcessorOptions<Tx, Dependencies>(
  options: InboxProcessorOptions<Tx, Dependencies>,
): ResolvedInboxProcessorOptions {
  const { leaseMs, ...resolved } = validateOptions(
    "createInboxProcessor",
    processorOptions,
    options,
    impossibleCombinations,
  );
  const { ordering, fetch = leased({ leaseMs, heartbeat: true, keyHeadsOnly: ordering === "perKey" }) } = resolved;
  return { ...resolved, fetch };
}

/** Given only what is valid by itself; a comparison with what is not there is never true. */
function impossibleCombinations(valid: Partial<z.output<typeof processorOptions>>): string[] {
  const { fetch, leaseMs, ordering, pollMinMs = Number.NaN, pollMaxMs = Number.NaN, stallAfterMs = Number.NaN } = valid;
  const problems: string[] = [];
  if (fetch !== undefined && leaseMs !== undefined)
    problems.push("leaseMs: the lease is that of the fetch strategy: give it to ownedBuckets() or leased()");
  const keepsOrder = fetch?.requires.some((needed) => needed === "ownedBuckets" || needed === "keyHeads") ?? true;
  if (ordering === "perKey" && !keepsOrder)
    problems.push(
      `ordering "perKey" is not kept by ${fetch?.name}: use ownedBuckets(), or leased({ keyHeadsOnly: true })`,
    );
  if (pollMinMs > pollMaxMs) problems.push(`pollMinMs (${pollMinMs}) must not be more than pollMaxMs (${pollMaxMs})`);
  const waits: readonly (readonly [string, number])[] = [
    ["pollMaxMs", pollMaxMs],
    ["the longest pause of an outage", defaults.outageMaxMs],
  ];
  for (const [wait, ms] of waits) {
    if (!(stallAfterMs <= ms)) continue;
    problems.push(
      `stallAfterMs (${stallAfterMs}) must be more than ${wait} (${ms}): a processor that only waits is not stuck`,
    );
  }
  return problems;
}
