import { defaults } from "../defaults.js";
import { describeFailure } from "../errors/describe-failure.js";
import { type ErrorCode, errorCodes } from "../errors/error-codes.js";
import { silentAbort } from "../internal/silent-abort.js";
import { createTally } from "../processor/tally.js";
import { workerHealth } from "../processor/worker-health.js";
import { createWorkerLifecycle } from "../processor/worker-lifecycle.js";
import type { WorkerHealth, WorkerState, WorkerStopReport } from "../processor/worker-state.js";
import { createOutageGate } from "../resilience/outage-gate.js";
import { type MaintenanceMetricsSnapshot, noMaintenanceYet } from "./maintenance-counters.js";
import {
  type MaintenanceOptions,
  type MaintenanceStatistics,
  resolveMaintenanceOptions,
} from "./maintenance-options.js";
import type { MaintenanceFailure, MaintenanceReport } from "./maintenance-report.js";
import { type MaintenanceSchedule, openSchedule } from "./maintenance-schedule.js";
import { type MaintainedStores, runMaintenance } from "./run-maintenance.js";
import { createTurnKeeper } from "./take-turns.js";

/** The worker that keeps the tables small: it removes old events, releases stale leases, requeues by rule and counts what is there. */
export interface Maintenance extends AsyncDisposable {
  readonly state: WorkerState;
  /** What the last run of this instance did; `null` before the first one has ended. */
  readonly lastReport: MaintenanceReport | null;

  /**
   * Begins to run every `everyMs`, the first time after a moment left to chance, 10 s at most. Idempotent; may be called again after `stop()`.
   * An unreachable database does not make it fail.
   */
  start(): Promise<void>;

  /** Ends a run between two statements and gives the lock up. Idempotent: a second call returns the first one's promise. */
  stop(): Promise<WorkerStopReport>;

  /**
   * Runs once, now, started or not; behind a run that is in work. `null` when another instance has the lock. Never rejects over the
   * store: see the report's `failures`.
   *
   * @param options.signal - ends the run between two statements
   */
  runOnce(options?: { readonly signal?: AbortSignal }): Promise<MaintenanceReport | null>;

  /** `degraded` while something cannot be done; an instance that leaves the work to another one is healthy. */
  health(): WorkerHealth;
  metrics(): MaintenanceMetricsSnapshot;
}

/**
 * Creates the maintenance of a service's tables; it does nothing before `start()` or `runOnce()`.
 *
 * Instances that run at the same time, with or without a lock, do no harm: each statement leaves rows out that another one has locked.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function createMaintenance(options: MaintenanceOptions): Maintenance {
  const resolved = resolveMaintenanceOptions(options);
  const { outbox, inbox, lock, lockKey = "", everyMs, batchSize, batchPauseMs } = resolved;
  const { clock, logger, metrics, stopTimeoutMs, stallAfterMs } = resolved;
  const stores: MaintainedStores = [
    ...(outbox === undefined ? [] : [["outbox", outbox] as const]),
    ...(inbox === undefined ? [] : [["inbox", inbox] as const]),
  ];
  const gate = createOutageGate("the database", logger, { down: "cannot be maintained", up: "is maintained again" });
  const turns = createTurnKeeper(lock, lockKey, logger);
  const tally = createTally<keyof MaintenanceMetricsSnapshot, never>(noMaintenanceYet(), metrics, logger);
  let lastReport: MaintenanceReport | null = null;
  let lastRun: Promise<unknown> = Promise.resolve();
  let schedule: MaintenanceSchedule | null = null;
  let hasThrown = false;

  function tellStatistics(statistics: MaintenanceStatistics): void {
    try {
      resolved.onStatistics(statistics);
    } catch (error) {
      if (!hasThrown) logger.error({ ...describeFailure(error) }, "onStatistics of the maintenance throws");
      hasThrown = true;
    }
  }

  async function runNow(signal: AbortSignal): Promise<MaintenanceReport | null> {
    const turn = await turns.take();
    if (turn === null) {
      tally.add("standbys", 1);
      return null;
    }
    const report = await runMaintenance({
      stores,
      batchSize,
      batchPauseMs,
      clock,
      gate,
      stopping: signal,
      mayGoOn: () => !signal.aborted && !turn.signal.aborted && lifecycle.state !== "stopping",
      progressed: () => schedule?.progressed(),
      count: (counter, events) => tally.add(counter, events),
      onStatistics: tellStatistics,
    });
    tally.add("runs", 1);
    if (report.failures.length > 0) tally.add("failedRuns", 1);
    lastReport = report;
    // Another instance may reach what this one cannot.
    if (report.failures.length > 0 || schedule === null) await turns.giveUp();
    return report;
  }

  /** Runs behind the one that is in work: two of one instance would only wait for each other. */
  function inTurn(signal: AbortSignal): Promise<MaintenanceReport | null> {
    const run = lastRun.then(() => runNow(signal));
    lastRun = run.catch(() => undefined);
    return run;
  }

  function pauseAfter(report: MaintenanceReport | null): number {
    const usual = Math.round(everyMs * (1 + defaults.maintenanceJitter * (2 * Math.random() - 1)));
    return report?.failures.some(isTransient) ? Math.min(usual, gate.delayMs()) : usual;
  }

  const lifecycle = createWorkerLifecycle({
    async begin() {
      schedule = openSchedule({
        clock,
        logger,
        firstPauseMs: Math.round(Math.random() * Math.min(everyMs, defaults.maintenanceFirstMs)),
        run: async (signal) => pauseAfter(await inTurn(signal)),
      });
      logger.info({}, "the maintenance is running");
    },
    async end() {
      const clean = (await schedule?.end(stopTimeoutMs)) ?? true;
      schedule = null;
      await turns.giveUp();
      logger.info({ clean }, "the maintenance has stopped");
      return { clean, abandoned: 0 };
    },
  });

  return Object.freeze<Maintenance>({
    get state() {
      return lifecycle.state;
    },
    get lastReport() {
      return lastReport;
    },
    start: lifecycle.start,
    stop: lifecycle.stop,
    runOnce: ({ signal = silentAbort } = {}) => inTurn(signal),
    health() {
      const loop = schedule && { ...schedule, store: gate };
      return workerHealth({ name: "the maintenance", state: lifecycle.state, loop, reasons: [], stallAfterMs });
    },
    metrics: tally.snapshot,
    async [Symbol.asyncDispose]() {
      await lifecycle.stop();
    },
  });
}

/** Whether trying again soon can help. */
function isTransient({ code }: MaintenanceFailure): boolean {
  return Object.hasOwn(errorCodes, code) && errorCodes[code as ErrorCode] === "transient";
}
