import { z } from "zod";
import { ownedBuckets } from "../buckets/owned-buckets.js";
import { defaults, limits } from "../defaults.js";
import { functionOption, milliseconds, objectWith, validateOptions } from "../errors/validate-options.js";
import type { OutboxEvent } from "../events/outbox-event.js";
import { cautiousLogger } from "../internal/cautious-logger.js";
import type { Step } from "../pipeline/step.js";
import type { CommitStrategy } from "../processor/commit-strategy.js";
import { type FailureCallbacks, failureCallbackOptions } from "../processor/failure-notices.js";
import type { FetchStrategy } from "../processor/fetch-strategy.js";
import { leased } from "../processor/leased.js";
import { type Clock, systemClock } from "../protocols/clock.js";
import type { EventPublisher } from "../protocols/event-publisher.js";
import type { EventRepository } from "../protocols/event-repository.js";
import { consoleLogger, type Logger } from "../protocols/logger.js";
import type { RelayMetricsRecorder } from "../protocols/metrics.js";
import type { WakeUp } from "../protocols/wake-up.js";
import { exponentialRetry } from "../resilience/exponential-retry.js";
import type { RetryPolicy } from "../resilience/retry-policy.js";
import type { MessageConverter } from "../wire/message-converter.js";
import { rawConverter } from "../wire/raw-converter.js";

/** Options of `createOutboxRelay`. */
export interface OutboxRelayOptions extends FailureCallbacks<OutboxEvent> {
  readonly repository: EventRepository<OutboxEvent>;
  /** Started and stopped by the relay; give each relay its own. */
  readonly publisher: EventPublisher;
  /** How events are divided among relays; default `ownedBuckets()` (order per key), or `leased()` where the repository cannot. */
  readonly fetch?: FetchStrategy | undefined;
  /** How outcomes are recorded; default `bulkCommit()`, or `singleCommit()` where the repository cannot. */
  readonly commit?: CommitStrategy | undefined;
  /** Steps around the publishing of each event, the first one outermost; default none. */
  readonly steps?: readonly Step<OutboxEvent>[] | undefined;
  /** The wire format; default `rawConverter()`. */
  readonly converter?: MessageConverter | undefined;
  /** Backoff of one event after a counted failure, and when it is given up; default `exponentialRetry()`. */
  readonly retry?: RetryPolicy | undefined;
  /** Events per read or claim, 1 to 10,000; default 1,000. */
  readonly batchSize?: number | undefined;
  /** Batches in work at once, 1 to 10; default 2: the next one is claimed while one is being published. */
  readonly batchesInFlight?: number | undefined;
  /** From handing an event to the publisher to its confirm; default 10,000 ms. At most half of the lease. */
  readonly publishTimeoutMs?: number | undefined;
  /** Shortest pause between polls that find little or nothing; default 10 ms. */
  readonly pollMinMs?: number | undefined;
  /** Longest pause between polls that find nothing; default 1,000 ms. */
  readonly pollMaxMs?: number | undefined;
  /** Cuts a pause short when another process has committed events; default none. Started and stopped by the relay. */
  readonly wakeUp?: WakeUp | undefined;
  /** How long `stop()` waits for work in flight; default 15,000 ms. */
  readonly stopTimeoutMs?: number | undefined;
  /** A loop without a turn for this long makes `health()` unhealthy; default 60,000 ms. More than any wait of the relay. */
  readonly stallAfterMs?: number | undefined;
  /** For people to read, as the beginning of a bucket's owner, or in `locked_by`; default host, process id and a random part. At most 255 characters. */
  readonly workerId?: string | undefined;
  /** A pino logger, or anything like it; default: warnings and errors on stderr. */
  readonly logger?: Logger | undefined;
  /** Also receives what the relay counts. */
  readonly metrics?: RelayMetricsRecorder | undefined;
  readonly clock?: Clock | undefined;
}

const relayOptions = z.strictObject({
  repository: objectWith<EventRepository<OutboxEvent>>("an outbox repository", "claim", "recordCompleted", "verify"),
  publisher: objectWith<EventPublisher>("an event publisher", "start", "publish", "stop", "health"),
  fetch: objectWith<FetchStrategy>("a fetch strategy", "open").optional(),
  commit: objectWith<CommitStrategy>("a commit strategy", "commit").optional(),
  steps: z.array(functionOption<Step<OutboxEvent>>("(event, context, next)")).default([]),
  converter: objectWith<MessageConverter>("a message converter", "toMessage").default(rawConverter),
  retry: objectWith<RetryPolicy>("a retry policy", "delayMs").default(() => exponentialRetry()),
  ...failureCallbackOptions<OutboxEvent>(),
  batchSize: z.int().min(1).max(limits.batchSizeMax).default(defaults.batchSize),
  batchesInFlight: z.int().min(1).max(10).default(defaults.batchesInFlight),
  publishTimeoutMs: milliseconds(1).default(defaults.publishTimeoutMs),
  pollMinMs: milliseconds(1).default(defaults.pollMinMs),
  pollMaxMs: milliseconds(1).default(defaults.pollMaxMs),
  wakeUp: objectWith<WakeUp>("a wake-up", "listen").optional(),
  stopTimeoutMs: milliseconds(0).default(defaults.stopTimeoutMs),
  stallAfterMs: milliseconds(1).default(defaults.stallAfterMs),
  workerId: z.string().min(1).max(limits.workerIdMaxLength).optional(),
  logger: objectWith<Logger>("a logger", "debug", "info", "warn", "error")
    .default(consoleLogger)
    .transform(cautiousLogger),
  metrics: objectWith<RelayMetricsRecorder>("a metrics recorder", "add", "record").optional(),
  clock: objectWith<Clock>("a clock", "now", "monotonicMs", "schedule").default(systemClock),
});

/** The options with their defaults filled in. */
export type ResolvedRelayOptions = z.output<typeof relayOptions> & { readonly fetch: FetchStrategy };

/**
 * Checks the options by themselves and against each other.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function resolveRelayOptions(options: OutboxRelayOptions): ResolvedRelayOptions {
  const resolved = validateOptions("createOutboxRelay", relayOptions, options, impossibleCombinations);
  return { ...resolved, fetch: resolved.fetch ?? defaultFetch(resolved.repository) };
}

function defaultFetch(repository: EventRepository<OutboxEvent> | undefined): FetchStrategy {
  return repository?.capabilities?.ownedBuckets ? ownedBuckets() : leased();
}

/** Given only what is valid by itself; a comparison with what is not there is never true. */
function impossibleCombinations(valid: Partial<z.output<typeof relayOptions>>): string[] {
  const {
    fetch = defaultFetch(valid.repository),
    publishTimeoutMs = Number.NaN,
    pollMinMs = Number.NaN,
    pollMaxMs = Number.NaN,
    stallAfterMs,
  } = valid;
  const problems: string[] = [];
  if (publishTimeoutMs * 2 > fetch.leaseMs) {
    problems.push(
      `publishTimeoutMs (${publishTimeoutMs}) must be at most half of the lease of ${fetch.name} (${fetch.leaseMs} ms): ` +
        "what is left of the lease when a message is written must outlast its time-out",
    );
  }
  if (pollMinMs > pollMaxMs) problems.push(`pollMinMs (${pollMinMs}) must not be more than pollMaxMs (${pollMaxMs})`);
  const waits: readonly (readonly [string, number])[] = [
    ["pollMaxMs", pollMaxMs],
    ["publishTimeoutMs", publishTimeoutMs],
    ["the longest pause of an outage", defaults.outageMaxMs],
  ];
  for (const [wait, ms] of waits) {
    if (stallAfterMs === undefined || !(stallAfterMs <= ms)) continue;
    problems.push(
      `stallAfterMs (${stallAfterMs}) must be more than ${wait} (${ms}): a relay that only waits is not stuck`,
    );
  }
  return problems;
}
