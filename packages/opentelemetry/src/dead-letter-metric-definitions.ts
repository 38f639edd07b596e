import type { DeadLetterCounter } from "@omni-box/core";
import { gaugeLabels } from "./gauge-definitions.js";
import { countersOf, type WorkerMetrics } from "./worker-metrics.js";

/** What a dead-letter publisher counts. */
export const deadLetterMetricDefinitions: WorkerMetrics<DeadLetterCounter, never> = {
  counters: countersOf<DeadLetterCounter>("omni_box.dead_letters", [gaugeLabels.store], {
    taken: ["taken", "{letter}", "Dead letters taken to be published."],
    published: ["published", "{letter}", "Dead letters confirmed by the broker."],
    failed: ["failed", "{letter}", "Publications that the broker refused, or that no queue wanted; tried again."],
    deferred: ["deferred", "{letter}", "Dead letters put off because of an outage."],
    released: ["released", "{letter}", "Dead letters not sent: a stop, or too little of the lease was left."],
    abandoned: ["abandoned", "{letter}", "Dead letters still on their way at a stop or the end of their lease."],
    unrecorded: ["unrecorded", "{letter}", "Dead letters of which nothing could be recorded; published again."],
    emptyPolls: ["empty_polls", "{poll}", "Looks that found no dead letter."],
    pollErrors: ["poll_errors", "{poll}", "Looks that failed."],
  }),
  measurements: {},
};
