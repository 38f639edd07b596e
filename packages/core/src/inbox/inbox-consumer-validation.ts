import { z } from "zod";
import { defaults, limits } from "../defaults.js";
import { functionOption, milliseconds, objectWith, validateOptions } from "../errors/validate-options.js";
import type { InboxEvent } from "../events/inbox-event.js";
import { cautiousLogger } from "../internal/cautious-logger.js";
import type { Outbox } from "../outbox/create-outbox.js";
import type { Step } from "../pipeline/step.js";
import { failureCallbackOptions } from "../processor/failure-notices.js";
import { type Clock, systemClock } from "../protocols/clock.js";
import type { EventConsumer } from "../protocols/event-consumer.js";
import type { InboxEventRepository } from "../protocols/inbox-event-repository.js";
import { consoleLogger, type Logger } from "../protocols/logger.js";
import type { InboxConsumerMetricsRecorder } from "../protocols/metrics.js";
import { exponentialRetry } from "../resilience/exponential-retry.js";
import type { RetryPolicy } from "../resilience/retry-policy.js";
import type { EventRoutes } from "../routing/event-router.js";
import { anyParser } from "../wire/any-parser.js";
import type { EnvelopeParser } from "../wire/envelope-parser.js";
import type { InboxConsumeResult } from "./inbox-consume-result.js";
import type { InboxConsumerOptions } from "./inbox-consumer-options.js";
import type { InboxProcessorTuning } from "./inbox-processor-options.js";
import { olderEventsOption } from "./older-events.js";

const consumerOptions = z.strictObject({
  repository: objectWith<InboxEventRepository<never>>("an inbox repository", "store", "transaction", "verify"),
  consumer: objectWith<EventConsumer>("an event consumer", "start", "pause", "stop", "health"),
  router: objectWith<EventRoutes<never, never>>("an event router", "route"),
  outbox: objectWith<Outbox<never>>("an outbox", "add").optional(),
  dependencies: z.unknown().optional(),
  consumerGroup: z.string().min(1).max(limits.consumerGroupMaxLength),
  mode: z.enum(["inline", "storeThenProcess"]).default("inline"),
  ack: z.enum(["atMostOnce", "atLeastOnce", "effectivelyOnce"]).default("effectivelyOnce"),
  commitPolicy: z.enum(["onPersist", "onSuccess"]).optional(),
  ordering: z.enum(["none", "perKey"]).default("none"),
  olderEvents: olderEventsOption,
  concurrency: z.int().min(1).max(1_000).default(defaults.consumerConcurrency),
  batchSize: z.int().min(1).max(1_000).optional(),
  parser: objectWith<EnvelopeParser>("an envelope parser", "parse").default(() => anyParser()),
  messageMaxBytes: z.int().min(1).default(defaults.messageMaxBytes),
  maxAttempts: z.int().min(1).max(limits.maxAttemptsMax).default(defaults.maxAttempts),
  suspectAfterRedeliveries: z.int().min(0).default(defaults.suspectAfterRedeliveries),
  steps: z.array(functionOption<Step<InboxEvent>>("(event, context, next)")).default([]),
  handlerTimeoutMs: milliseconds(1).default(defaults.handlerTimeoutMs),
  retry: objectWith<RetryPolicy>("a retry policy", "delayMs").default(() => exponentialRetry()),
  ...failureCallbackOptions<InboxEvent>(),
  stopTimeoutMs: milliseconds(0).default(defaults.stopTimeoutMs),
  workerId: z.string().min(1).max(limits.workerIdMaxLength).optional(),
  // Its fields are checked by the processor.
  processor: z
    .union([z.literal(false), z.custom<InboxProcessorTuning>((value) => typeof value === "object" && value !== null)], {
      error: "expected options of the processor, or false",
    })
    .default({}),
  onResult: functionOption<(result: InboxConsumeResult) => void>("(result)").optional(),
  metrics: objectWith<InboxConsumerMetricsRecorder>("a metrics recorder", "add", "record").optional(),
  logger: objectWith<Logger>("a logger", "debug", "info", "warn", "error")
    .default(consoleLogger)
    .transform(cautiousLogger),
  clock: objectWith<Clock>("a clock", "now", "monotonicMs", "schedule").default(systemClock),
});

type Checked = z.output<typeof consumerOptions>;

/** What is committed before a message is acknowledged: nothing, its row, its handler's writes, or both of these. */
export type AckMoment = "atMostOnce" | "onPersist" | "onSuccess" | "effectivelyOnce";

/** The options with their defaults filled in. */
export interface ResolvedInboxConsumerOptions<Tx, Dependencies>
  extends Omit<Checked, "repository" | "router" | "outbox" | "dependencies" | "ack" | "commitPolicy" | "mode">,
    Pick<InboxConsumerOptions<Tx, Dependencies>, "repository" | "router" | "outbox" | "dependencies"> {
  readonly ackMoment: AckMoment;
  readonly batchSize: number;
}

/**
 * Checks the options by themselves and against each other.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function resolveInboxConsumerOptions<Tx, Dependencies>(
  options: InboxConsumerOptions<Tx, Dependencies>,
): ResolvedInboxConsumerOptions<Tx, Dependencies> {
  const checked = validateOptions("createInboxConsumer", consumerOptions, options, impossibleCombinations);
  const { ack, commitPolicy, mode, batchSize, ...rest } = checked;
  const ackMoment = momentOf(checked);
  const { repository, router, outbox, dependencies } = options;
  return {
    ...rest,
    repository,
    router,
    outbox,
    dependencies,
    ackMoment,
    batchSize: batchSize ?? (ackMoment === "onPersist" ? defaults.storeBatchSize : 1),
  };
}

function momentOf({ ack, commitPolicy, mode }: Partial<Checked>): AckMoment {
  if (ack === "atMostOnce") return "atMostOnce";
  if (mode === "storeThenProcess") return "onPersist";
  if (ack === "effectivelyOnce") return "effectivelyOnce";
  return commitPolicy ?? "onPersist";
}

/** Given only what is valid by itself; a comparison with what is not there is never true. */
function impossibleCombinations(valid: Partial<Checked>): string[] {
  const { ack, commitPolicy, mode, ordering, batchSize = Number.NaN } = valid;
  const problems: string[] = [];
  if (commitPolicy !== undefined && ack !== "atLeastOnce")
    problems.push(`commitPolicy says when atLeastOnce acknowledges: leave it out with ack "${ack}"`);
  if (mode === "storeThenProcess" && ack === "atMostOnce")
    problems.push('mode "storeThenProcess" stores every message, which ack "atMostOnce" rules out: use mode "inline"');
  if (mode === "storeThenProcess" && ack === "atLeastOnce" && commitPolicy === "onSuccess")
    problems.push(
      'mode "storeThenProcess" acknowledges what is stored: use commitPolicy "onPersist", or mode "inline"',
    );
  const moment = momentOf(valid);
  if (moment !== "atMostOnce" && moment !== "onSuccess") return problems;
  const strategy = moment === "onSuccess" ? 'commitPolicy "onSuccess"' : 'ack "atMostOnce"';
  if (batchSize > 1)
    problems.push(`batchSize (${batchSize}) must be 1 with ${strategy}: without rows a batch cannot be repeated`);
  if (ordering === "perKey")
    problems.push(
      `ordering "perKey" needs rows, which ${strategy} does not have: without them a failed message is overtaken`,
    );
  return problems;
}
