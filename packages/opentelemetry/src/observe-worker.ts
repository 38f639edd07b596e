import { objectWith, validateOptions, type WorkerHealth } from "@omni-box/core";
import type { Meter } from "@opentelemetry/api";
import { z } from "zod";
import { gaugeLabels, workerGauges } from "./gauge-definitions.js";
import { defaultMeter } from "./instrumentation-scope.js";
import { observeGauges, type StopObserving } from "./observe-gauges.js";
import { readCautiously } from "./read-cautiously.js";

/** A relay, an inbox consumer or an inbox processor. */
export interface ObservedWorker {
  health(): Pick<WorkerHealth, "status"> & {
    readonly blockedKeys?: number | undefined;
    readonly ownedBuckets?: number | undefined;
  };
}

/** Options of {@link observeWorker}. */
export interface ObserveWorkerOptions {
  readonly worker: ObservedWorker;
  /** What the label `omni_box.worker` says: `relay`, `shipping`; 1 to 100 characters. Give each worker of a process its own. */
  readonly name: string;
  /** Default: that of the SDK which is registered by now. */
  readonly meter?: Meter | undefined;
}

const observeWorkerOptions = z.strictObject({
  worker: objectWith<ObservedWorker>("a relay, an inbox consumer or an inbox processor", "health"),
  name: z.string().min(1).max(100),
  meter: objectWith<Meter>("a meter", "createObservableGauge", "addBatchObservableCallback").optional(),
});

const statuses: readonly WorkerHealth["status"][] = ["healthy", "degraded", "unhealthy"];

/**
 * Exports what a worker's `health()` says: its status, the buckets that it owns and the keys that are blocked in them. Asks nobody.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function observeWorker(options: ObserveWorkerOptions): StopObserving {
  const { name, meter = defaultMeter() } = validateOptions("observeWorker", observeWorkerOptions, options);
  const { worker } = options;
  const attributes = { [gaugeLabels.worker]: name };
  return observeGauges(meter, workerGauges, (observe) => {
    const health = readCautiously(`the health of ${name}`, () => worker.health());
    if (health === null) return;
    for (const status of statuses)
      observe("status", status === health.status ? 1 : 0, { ...attributes, [gaugeLabels.status]: status });
    if (health.blockedKeys !== undefined) observe("blockedKeys", health.blockedKeys, attributes);
    if (health.ownedBuckets !== undefined) observe("ownedBuckets", health.ownedBuckets, attributes);
  });
}
