import { expecting, objectWith, validateOptions } from "@omni-box/core";
import type { Meter } from "@opentelemetry/api";
import { z } from "zod";
import { breakerGauges, gaugeLabels } from "./gauge-definitions.js";
import { defaultMeter } from "./instrumentation-scope.js";
import { observeGauges, type StopObserving } from "./observe-gauges.js";
import { readCautiously } from "./read-cautiously.js";

/** The states of a circuit breaker. */
export type BreakerState = "closed" | "open" | "halfOpen";

/** Options of {@link observeBreaker}. */
export interface ObserveBreakerOptions {
  /** What `circuitBreaker()` returned. One with a `key` has a circuit for each. */
  readonly breaker: { snapshot(): readonly { readonly state: BreakerState }[] };
  /** What the label `omni_box.breaker` says; 1 to 100 characters. */
  readonly name: string;
  /** Default: that of the SDK which is registered by now. */
  readonly meter?: Meter | undefined;
}

const observeBreakerOptions = z.strictObject({
  // A step, which is a function.
  breaker: expecting<ObserveBreakerOptions["breaker"]>(
    "a circuit breaker, as circuitBreaker() returns it",
    hasSnapshot,
  ),
  name: z.string().min(1).max(100),
  meter: objectWith<Meter>("a meter", "createObservableGauge", "addBatchObservableCallback").optional(),
});

function hasSnapshot(value: unknown): boolean {
  const isObject = (typeof value === "object" && value !== null) || typeof value === "function";
  return isObject && typeof Reflect.get(value, "snapshot") === "function";
}

/** As labels are written, in words apart by underscores. */
const labels: Readonly<Record<BreakerState, string>> = { closed: "closed", open: "open", halfOpen: "half_open" };

/**
 * Exports how many circuits of a circuit breaker are in each state. Their keys are no labels, since there may be ten thousand.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function observeBreaker(options: ObserveBreakerOptions): StopObserving {
  const { name, meter = defaultMeter() } = validateOptions("observeBreaker", observeBreakerOptions, options);
  const { breaker } = options;
  return observeGauges(meter, breakerGauges, (observe) => {
    const current = readCautiously(`the state of the circuit breaker ${name}`, () => breaker.snapshot());
    if (current === null) return;
    for (const [state, label] of Object.entries(labels)) {
      const attributes = { [gaugeLabels.breaker]: name, [gaugeLabels.state]: label };
      observe("circuits", current.filter((circuit) => circuit.state === state).length, attributes);
    }
  });
}
