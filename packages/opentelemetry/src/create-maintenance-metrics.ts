import { type MaintenanceMetricsRecorder, objectWith, validateOptions } from "@omni-box/core";
import type { Meter } from "@opentelemetry/api";
import { z } from "zod";
import { createRecorder } from "./create-recorder.js";
import { createEventTypeLabels } from "./event-type-labels.js";
import { defaultMeter } from "./instrumentation-scope.js";
import { maintenanceMetricDefinitions } from "./maintenance-metric-definitions.js";

/** Options of {@link createMaintenanceMetrics}. */
export interface MaintenanceMetricsOptions {
  /** Default: that of the SDK which is registered by now. */
  readonly meter?: Meter | undefined;
}

const maintenanceMetricsOptions = z.strictObject({
  meter: objectWith<Meter>("a meter", "createCounter", "createHistogram").optional(),
});

/**
 * For `createMaintenance({ metrics })`: what it counts, through the OpenTelemetry API.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function createMaintenanceMetrics(options: MaintenanceMetricsOptions = {}): MaintenanceMetricsRecorder {
  const checked = validateOptions("createMaintenanceMetrics", maintenanceMetricsOptions, options);
  const { meter = defaultMeter() } = checked;
  return createRecorder({
    meter,
    definitions: maintenanceMetricDefinitions,
    attributes: {},
    eventTypes: createEventTypeLabels([]),
  });
}
