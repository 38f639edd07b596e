import { objectWith, type RelayMetricsRecorder, validateOptions } from "@omni-box/core";
import type { Meter } from "@opentelemetry/api";
import { z } from "zod";
import { createRecorder } from "./create-recorder.js";
import { createEventTypeLabels, type KnownEventType, knownEventTypes } from "./event-type-labels.js";
import { defaultMeter } from "./instrumentation-scope.js";
import { relayMetricDefinitions } from "./relay-metric-definitions.js";

/** Options of {@link createRelayMetrics}. */
export interface RelayMetricsOptions {
  /** Event types, or definitions, that are told apart; all others are called `other`. Default none, at most 200. */
  readonly eventTypes?: readonly KnownEventType[] | undefined;
  /** Default: that of the SDK which is registered by now. */
  readonly meter?: Meter | undefined;
}

const relayMetricsOptions = z.strictObject({
  eventTypes: knownEventTypes,
  meter: objectWith<Meter>("a meter", "createCounter", "createHistogram").optional(),
});

/**
 * For `createOutboxRelay({ metrics })`: what the relay counts and measures, through the OpenTelemetry API. Several relays of a process
 * may share one.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function createRelayMetrics(options: RelayMetricsOptions = {}): RelayMetricsRecorder {
  const { eventTypes, meter = defaultMeter() } = validateOptions("createRelayMetrics", relayMetricsOptions, options);
  return createRecorder({
    meter,
    definitions: relayMetricDefinitions,
    attributes: {},
    eventTypes: createEventTypeLabels(eventTypes),
  });
}
