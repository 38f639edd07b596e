import { type DeadLetterMetricsRecorder, objectWith, validateOptions } from "@omni-box/core";
import type { Meter } from "@opentelemetry/api";
import { z } from "zod";
import { createRecorder } from "./create-recorder.js";
import { deadLetterMetricDefinitions } from "./dead-letter-metric-definitions.js";
import { createEventTypeLabels } from "./event-type-labels.js";
import { gaugeLabels } from "./gauge-definitions.js";
import { defaultMeter } from "./instrumentation-scope.js";

/** Options of {@link createDeadLetterMetrics}. */
export interface DeadLetterMetricsOptions {
  /** Whose failed events are published; what the label `omni_box.store` says. */
  readonly store: "outbox" | "inbox";
  /** Default: that of the SDK which is registered by now. */
  readonly meter?: Meter | undefined;
}

const deadLetterMetricsOptions = z.strictObject({
  store: z.enum(["outbox", "inbox"]),
  meter: objectWith<Meter>("a meter", "createCounter", "createHistogram").optional(),
});

/**
 * For `createDeadLetterPublisher({ metrics })`: what it counts, through the OpenTelemetry API.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function createDeadLetterMetrics(options: DeadLetterMetricsOptions): DeadLetterMetricsRecorder {
  const checked = validateOptions("createDeadLetterMetrics", deadLetterMetricsOptions, options);
  const { store, meter = defaultMeter() } = checked;
  return createRecorder({
    meter,
    definitions: deadLetterMetricDefinitions,
    attributes: { [gaugeLabels.store]: store },
    eventTypes: createEventTypeLabels([]),
  });
}
