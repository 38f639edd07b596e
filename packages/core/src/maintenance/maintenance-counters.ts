import type { MetricsRecorder } from "../protocols/metrics.js";
import type { MaintenanceCounter } from "./maintenance-tasks.js";

/** The counters of the maintenance since it was created. */
export interface MaintenanceMetricsSnapshot extends Readonly<Record<MaintenanceCounter, number>> {
  /** Runs that this instance did, to the end or not. */
  readonly runs: number;
  /** Runs in which something failed. */
  readonly failedRuns: number;
  /** Runs that were another instance's. */
  readonly standbys: number;
}

/** Where the numbers of a maintenance go, a few times per run. */
export type MaintenanceMetricsRecorder = MetricsRecorder<keyof MaintenanceMetricsSnapshot, never>;

/** All counters at their beginning. */
export function noMaintenanceYet(): Record<keyof MaintenanceMetricsSnapshot, number> {
  return { runs: 0, failedRuns: 0, standbys: 0, removedCompleted: 0, removedFailed: 0, releasedLeases: 0, requeued: 0 };
}
