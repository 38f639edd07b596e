import { z } from "zod";
import { defaults } from "../defaults.js";
import { functionOption, milliseconds, objectWith, validateOptions } from "../errors/validate-options.js";
import { cautiousLogger } from "../internal/cautious-logger.js";
import { type Clock, systemClock } from "../protocols/clock.js";
import type { DeadLetter, EventAdministration } from "../protocols/event-administration.js";
import type { EventPublisher, OutgoingMessage } from "../protocols/event-publisher.js";
import type { FetchFilters } from "../protocols/event-repository.js";
import { consoleLogger, type Logger } from "../protocols/logger.js";
import { exponentialRetry } from "../resilience/exponential-retry.js";
import type { RetryPolicy } from "../resilience/retry-policy.js";
import type { DeadLetterMetricsRecorder } from "./dead-letter-counters.js";
import { type DeadLetterEvent, deadLetterMessage } from "./dead-letter-message.js";

/** Options of `createDeadLetterPublisher`. */
export interface DeadLetterPublisherOptions<E extends DeadLetterEvent> {
  /** Of the outbox or the inbox whose failed events are published. */
  readonly administration: EventAdministration<E>;
  /** To the dead-letter exchange. Started and stopped by the dead-letter publisher: not the relay's own. */
  readonly publisher: EventPublisher;
  /** The message of a letter; default {@link deadLetterMessage}. What it throws puts that letter off, like a refusal. */
  readonly toMessage?: ((letter: DeadLetter<E>) => OutgoingMessage) | undefined;
  /** Which failed events; default: all. */
  readonly filters?: FetchFilters | undefined;
  /**
   * Backoff of a letter that was refused; default: full jitter below 10 s, doubled each time, up to an hour. The policy is told of the letter's own
   * attempts and of why it was refused, and its `limits` are not asked: a letter is tried for ever.
   */
  readonly retry?: RetryPolicy | undefined;
  /** Letters at once, 1 to 1,000; default 100. */
  readonly batchSize?: number | undefined;
  /** How long letters that were taken are hidden from other dead-letter publishers; default 30,000 ms, at least 1,000 ms. */
  readonly leaseMs?: number | undefined;
  /** From handing a letter to the publisher to its confirm; default 10,000 ms. At most half of `leaseMs`. */
  readonly publishTimeoutMs?: number | undefined;
  /** Shortest pause between looks that find nothing; default 10 ms. */
  readonly pollMinMs?: number | undefined;
  /** Longest pause between looks that find nothing; default 5,000 ms. */
  readonly pollMaxMs?: number | undefined;
  /** How long `stop()` waits for letters that are on their way; default 15,000 ms. */
  readonly stopTimeoutMs?: number | undefined;
  /** A loop in which nothing moves for this long makes `health()` unhealthy; default 60,000 ms. More than any wait. */
  readonly stallAfterMs?: number | undefined;
  /** A pino logger, or anything like it; default: warnings and errors on stderr. */
  readonly logger?: Logger | undefined;
  /** Also receives what the dead-letter publisher counts. */
  readonly metrics?: DeadLetterMetricsRecorder | undefined;
  readonly clock?: Clock | undefined;
}

const names = z.array(z.string()).optional();

const publisherOptions = z.strictObject({
  administration: objectWith<EventAdministration<never>>(
    "an event administration",
    "takeDeadLetters",
    "recordDeadLettered",
    "recordDeadLetterFailed",
  ),
  publisher: objectWith<EventPublisher>("an event publisher", "start", "publish", "stop", "health"),
  toMessage: functionOption<(letter: DeadLetter<never>) => OutgoingMessage>("(letter)").default(
    () => deadLetterMessage,
  ),
  filters: z
    .strictObject({
      topics: names,
      types: names,
      aggregateTypes: names,
      consumerGroup: z.string().optional(),
      sources: names,
    })
    .optional(),
  retry: objectWith<RetryPolicy>("a retry policy", "delayMs").default(() =>
    exponentialRetry({ baseMs: defaults.deadLetterRetryBaseMs, maxMs: defaults.deadLetterRetryMaxMs }),
  ),
  batchSize: z.int().min(1).max(1_000).default(defaults.deadLetterBatchSize),
  leaseMs: milliseconds(1_000).default(defaults.leaseMs),
  publishTimeoutMs: milliseconds(1).default(defaults.publishTimeoutMs),
  pollMinMs: milliseconds(1).default(defaults.pollMinMs),
  pollMaxMs: milliseconds(1).default(defaults.deadLetterPollMaxMs),
  stopTimeoutMs: milliseconds(0).default(defaults.stopTimeoutMs),
  stallAfterMs: milliseconds(1).default(defaults.stallAfterMs),
  logger: objectWith<Logger>("a logger", "debug", "info", "warn", "error")
    .default(consoleLogger)
    .transform(cautiousLogger),
  metrics: objectWith<DeadLetterMetricsRecorder>("a metrics recorder", "add", "record").optional(),
  clock: objectWith<Clock>("a clock", "now", "monotonicMs", "schedule").default(systemClock),
});

type Parsed = z.output<typeof publisherOptions>;

/** The options with their defaults filled in. */
export type ResolvedDeadLetterOptions<E extends DeadLetterEvent> = Omit<
  Parsed,
  "administration" | "toMessage" | "filters"
> & {
  readonly administration: EventAdministration<E>;
  readonly toMessage: (letter: DeadLetter<E>) => OutgoingMessage;
  readonly filters: FetchFilters | undefined;
};

/**
 * Checks the options by themselves and against each other.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function resolveDeadLetterOptions<E extends DeadLetterEvent>(
  options: DeadLetterPublisherOptions<E>,
): ResolvedDeadLetterOptions<E> {
  const valid = validateOptions("createDeadLetterPublisher", publisherOptions, options, impossibleCombinations);
  // zod knows that they are there, and not for which events.
  return valid as unknown as ResolvedDeadLetterOptions<E>;
}

/** Given only what is valid by itself; a comparison with what is not there is never true. */
function impossibleCombinations(valid: Partial<Parsed>): string[] {
  const { publishTimeoutMs = Number.NaN, leaseMs = Number.NaN, pollMinMs = Number.NaN, pollMaxMs = Number.NaN } = valid;
  const problems: string[] = [];
  if (publishTimeoutMs * 2 > leaseMs) {
    problems.push(
      `publishTimeoutMs (${publishTimeoutMs}) must be at most half of leaseMs (${leaseMs}): ` +
        "what is left of the lease when a letter is written must outlast its time-out",
    );
  }
  if (pollMinMs > pollMaxMs) problems.push(`pollMinMs (${pollMinMs}) must not be more than pollMaxMs (${pollMaxMs})`);
  const waits: readonly (readonly [string, number])[] = [
    ["pollMaxMs", pollMaxMs],
    ["leaseMs", leaseMs],
    ["the longest pause of an outage", defaults.outageMaxMs],
  ];
  for (const [wait, ms] of waits) {
    if (!((valid.stallAfterMs ?? Number.NaN) <= ms)) continue;
    problems.push(
      `stallAfterMs (${valid.stallAfterMs}) must be more than ${wait} (${ms}): a worker that only waits is not stuck`,
    );
  }
  return problems;
}
