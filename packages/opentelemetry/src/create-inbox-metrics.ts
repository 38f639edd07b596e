import {
  type InboxConsumerMetricsRecorder,
  type InboxProcessorMetricsRecorder,
  limits,
  objectWith,
  validateOptions,
} from "@omni-box/core";
import type { Meter } from "@opentelemetry/api";
import { z } from "zod";
import { createRecorder } from "./create-recorder.js";
import { createEventTypeLabels, type KnownEventType, knownEventTypes } from "./event-type-labels.js";
import { consumerMetricDefinitions, processorMetricDefinitions } from "./inbox-metric-definitions.js";
import { defaultMeter } from "./instrumentation-scope.js";
import { attributeNames } from "./messaging-attributes.js";

/** Options of {@link createInboxMetrics}. */
export interface InboxMetricsOptions {
  /** That of the inbox consumer or processor. */
  readonly consumerGroup: string;
  /** Event types, or definitions, that are told apart; all others are called `other`. Default none, at most 200. */
  readonly eventTypes?: readonly KnownEventType[] | undefined;
  /** Default: that of the SDK which is registered by now. */
  readonly meter?: Meter | undefined;
}

/** Recorders for the two workers of an inbox. */
export interface InboxMetrics {
  /** For `createInboxConsumer({ metrics })`. */
  readonly consumer: InboxConsumerMetricsRecorder;
  /** For `createInboxConsumer({ processor: { metrics } })`, or `createInboxProcessor({ metrics })`. */
  readonly processor: InboxProcessorMetricsRecorder;
}

const inboxMetricsOptions = z.strictObject({
  consumerGroup: z.string().min(1).max(limits.consumerGroupMaxLength),
  eventTypes: knownEventTypes,
  meter: objectWith<Meter>("a meter", "createCounter", "createHistogram").optional(),
});

/**
 * What an inbox consumer and its processor count and measure, through the OpenTelemetry API.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function createInboxMetrics(options: InboxMetricsOptions): InboxMetrics {
  const checked = validateOptions("createInboxMetrics", inboxMetricsOptions, options);
  const { consumerGroup, meter = defaultMeter() } = checked;
  const eventTypes = createEventTypeLabels(checked.eventTypes);
  const attributes = { [attributeNames.consumerGroup]: consumerGroup };
  return Object.freeze<InboxMetrics>({
    consumer: createRecorder({ meter, definitions: consumerMetricDefinitions, attributes, eventTypes }),
    processor: createRecorder({ meter, definitions: processorMetricDefinitions, attributes, eventTypes }),
  });
}
