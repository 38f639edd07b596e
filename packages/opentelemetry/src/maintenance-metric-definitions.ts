import type { MaintenanceMetricsSnapshot } from "@omni-box/core";
import { countersOf, type WorkerMetrics } from "./worker-metrics.js";

type MaintenanceCounter = keyof MaintenanceMetricsSnapshot;

/** What a maintenance counts, of all its stores together. */
export const maintenanceMetricDefinitions: WorkerMetrics<MaintenanceCounter, never> = {
  counters: countersOf<MaintenanceCounter>("omni_box.maintenance", [], {
    runs: ["runs", "{run}", "Runs that this instance did, to the end or not."],
    failedRuns: ["failed_runs", "{run}", "Of those: something failed."],
    standbys: ["standbys", "{run}", "Runs that were another instance's."],
    removedCompleted: ["removed_completed", "{event}", "Completed events removed after their time."],
    removedFailed: ["removed_failed", "{event}", "Failed events removed after their time."],
    releasedLeases: ["released_leases", "{event}", "Events whose lease had run out, made free."],
    requeued: ["requeued", "{event}", "Failed events requeued by a rule."],
  }),
  measurements: {},
};
