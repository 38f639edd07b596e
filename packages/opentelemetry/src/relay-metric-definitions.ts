import type { RelayCounter, RelayMeasurement } from "@omni-box/core";
import { attributeNames } from "./messaging-attributes.js";
import { countersOf, measurementsOf, type WorkerMetrics, workerCounters } from "./worker-metrics.js";

const prefix = "omni_box.relay";

/** What a relay counts and measures. */
export const relayMetricDefinitions: WorkerMetrics<RelayCounter, RelayMeasurement> = {
  counters: countersOf<RelayCounter>(prefix, [], {
    published: ["published", "{event}", "Events published, confirmed by the broker.", attributeNames.eventType],
    ...workerCounters,
  }),
  measurements: measurementsOf<RelayMeasurement>(prefix, [], {
    batchSize: ["batch_size", "size", "Events per batch."],
    claimDurationMs: ["claim.duration", "duration", "Time of one read or claim."],
    publishDurationMs: [
      "publish.duration",
      "duration",
      "From the first step of a batch to its last confirm or failure.",
    ],
    commitDurationMs: ["commit.duration", "duration", "Time for recording the outcomes of a batch."],
    lagMs: [
      "lag",
      "lag",
      "Commit to publish: from the insert of a batch's first published event to the end of the batch, across two clocks.",
    ],
  }),
};
