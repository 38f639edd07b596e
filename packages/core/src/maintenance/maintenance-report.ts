import type { FailureDescription } from "../errors/describe-failure.js";
import type { EventStatistics } from "../protocols/event-administration.js";
import type { MaintenanceCounter } from "./maintenance-tasks.js";

/** The stores that maintenance looks after. */
export type MaintainedStoreName = "outbox" | "inbox";

/** What was done to one store. The numbers are of events. */
export interface StoreMaintenance extends Readonly<Record<MaintenanceCounter, number>> {
  /** As it was at the beginning of the run; `null` when it could not be read. */
  readonly statistics: EventStatistics | null;
}

/** Work that could not be done. */
export interface MaintenanceFailure extends FailureDescription {
  /** What was to be done, as "inbox: old completed events". */
  readonly task: string;
}

/** What one run of the maintenance did. */
export interface MaintenanceReport {
  /** Whether everything was done; else it was stopped, the lock was lost, or something failed. */
  readonly isComplete: boolean;
  readonly durationMs: number;
  /** Left out for a store that is not maintained. */
  readonly outbox?: StoreMaintenance;
  readonly inbox?: StoreMaintenance;
  /** Empty when all went well. */
  readonly failures: readonly MaintenanceFailure[];
}
