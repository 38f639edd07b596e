/** Where a worker is in its life. */
export type WorkerState = "stopped" | "starting" | "running" | "stopping";

/** What `stop()` left behind. */
export interface WorkerStopReport {
  /** Whether everything in work was finished or released in time. */
  readonly clean: boolean;
  /** Events still in work at the time-out; others get them when the lease runs out. */
  readonly abandoned: number;
}

/** Whether a worker does its work, for a health endpoint. */
export interface WorkerHealth {
  /** `degraded`: it works on, but something it needs does not answer. `unhealthy`: it is not running, or its loop is stuck. */
  readonly status: "healthy" | "degraded" | "unhealthy";
  readonly state: WorkerState;
  /** What is wrong, in words; empty when healthy. */
  readonly reasons: readonly string[];
}
