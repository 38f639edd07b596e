import { deadLetterMetricDefinitions } from "./dead-letter-metric-definitions.js";
import { breakerGauges, storeGauges, workerGauges } from "./gauge-definitions.js";
import { consumerMetricDefinitions, processorMetricDefinitions } from "./inbox-metric-definitions.js";
import { maintenanceMetricDefinitions } from "./maintenance-metric-definitions.js";
import type { MetricDefinition } from "./metric-definition.js";
import { relayMetricDefinitions } from "./relay-metric-definitions.js";

/** Every metric that this package exports, for dashboards, alerts and documentation. */
export const metricDefinitions: readonly MetricDefinition[] = Object.freeze(
  [
    ...[
      relayMetricDefinitions,
      consumerMetricDefinitions,
      processorMetricDefinitions,
      deadLetterMetricDefinitions,
      maintenanceMetricDefinitions,
    ].map((worker) => ({
      ...worker.counters,
      ...worker.measurements,
    })),
    storeGauges,
    workerGauges,
    breakerGauges,
  ].flatMap((definitions) => Object.values<MetricDefinition>(definitions)),
);
