import { classifyFailure } from "../errors/classify-failure.js";
import { describeFailure } from "../errors/describe-failure.js";
import type { BaseEvent } from "../events/outbox-event.js";
import { waitOrAbort } from "../internal/wait-or-abort.js";
import type { Clock } from "../protocols/clock.js";
import type { EventStatistics } from "../protocols/event-administration.js";
import type { OutageGate } from "../resilience/outage-gate.js";
import type {
  MaintainedStoreName,
  MaintenanceFailure,
  MaintenanceReport,
  StoreMaintenance,
} from "./maintenance-report.js";
import {
  type MaintainedStoreParts,
  type MaintenanceCounter,
  type MaintenanceTask,
  maintenanceTasks,
} from "./maintenance-tasks.js";

/** The stores to be maintained, by name. */
export type MaintainedStores = readonly (readonly [MaintainedStoreName, MaintainedStoreParts<BaseEvent>])[];

/** What a run works with. */
export interface MaintenanceRunParts {
  readonly stores: MaintainedStores;
  readonly batchSize: number;
  readonly batchPauseMs: number;
  readonly clock: Clock;
  /** Told how each task went, under its name. */
  readonly gate: Pick<OutageGate, "failed" | "succeeded">;
  /** Asked between two batches; `false` ends the run. */
  readonly mayGoOn: () => boolean;
  /** Cuts a pause between two batches short. */
  readonly stopping: AbortSignal;
  /** Called after each batch. */
  readonly progressed: () => void;
  readonly count: (counter: MaintenanceCounter, events: number) => void;
  readonly onStatistics: (statistics: Readonly<Partial<Record<MaintainedStoreName, EventStatistics>>>) => void;
}

/**
 * Does all maintenance once: first the statistics, then a part of each task in turn, so that a long one keeps no other waiting.
 * Never rejects. A task that is refused is left for the next run, and an outage ends this one.
 */
export async function runMaintenance(parts: MaintenanceRunParts): Promise<MaintenanceReport> {
  const { stores, batchSize, batchPauseMs, clock, gate, stopping, progressed, count, onStatistics } = parts;
  const startedAt = clock.monotonicMs();
  const failures: MaintenanceFailure[] = [];
  const done = new Map(stores.map(([name]) => [name, newMaintenance()]));
  let isOutage = false;

  /** @returns what the store answered, or `null` when it did not */
  async function attempt<Result>(task: string, ask: () => Promise<Result>): Promise<Result | null> {
    try {
      const result = await ask();
      gate.succeeded(task);
      return result;
    } catch (error) {
      const failure = describeFailure(error);
      failures.push({ task, ...failure });
      gate.failed(failure, task);
      isOutage ||= classifyFailure(error) === "transient";
      return null;
    } finally {
      progressed();
    }
  }

  const mayGoOn = () => parts.mayGoOn() && !isOutage;

  async function readStatistics(): Promise<void> {
    const read: Partial<Record<MaintainedStoreName, EventStatistics>> = {};
    for (const [name, { administration }] of stores) {
      if (!mayGoOn()) return;
      const statistics = await attempt(`${name}: statistics`, () => administration.statistics());
      if (statistics === null) continue;
      read[name] = statistics;
      const maintenance = done.get(name);
      if (maintenance !== undefined) maintenance.statistics = statistics;
    }
    if (Object.keys(read).length > 0) onStatistics(read);
  }

  async function runBatch({ of, task }: OpenTask): Promise<boolean> {
    if (!mayGoOn()) return true;
    const batch = await attempt(task.name, () => task.runBatch());
    if (batch === null) return false;
    of[task.counter] += batch.changed;
    count(task.counter, batch.changed);
    return batch.more;
  }

  await readStatistics();
  let open: OpenTask[] = stores.flatMap(([name, store]) => {
    const of = done.get(name) ?? newMaintenance();
    return maintenanceTasks(name, store, batchSize, clock).map((task) => ({ of, task }));
  });
  while (open.length > 0 && mayGoOn()) {
    const unfinished: OpenTask[] = [];
    for (const each of open) if (await runBatch(each)) unfinished.push(each);
    open = unfinished;
    if (open.length > 0) await waitOrAbort(clock, batchPauseMs, stopping);
  }
  return {
    isComplete: open.length === 0 && failures.length === 0,
    durationMs: clock.monotonicMs() - startedAt,
    ...Object.fromEntries(done),
    failures,
  };
}

type OpenMaintenance = { -readonly [Field in keyof StoreMaintenance]: StoreMaintenance[Field] };

interface OpenTask {
  readonly of: OpenMaintenance;
  readonly task: MaintenanceTask;
}

function newMaintenance(): OpenMaintenance {
  return { statistics: null, removedCompleted: 0, removedFailed: 0, releasedLeases: 0, requeued: 0 };
}
