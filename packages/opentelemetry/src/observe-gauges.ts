import type { Attributes, BatchObservableResult, Meter, ObservableGauge } from "@opentelemetry/api";
import type { MetricDefinition } from "./metric-definition.js";

/** Ends an observation: its gauges are not exported any more. */
export type StopObserving = () => void;

/** Tells the value of one gauge. */
export type Observe<Key extends string> = (gauge: Key, value: number, attributes: Attributes) => void;

/** Exports gauges whose values `read` tells at every collection; what it rejects with is lost, so it must not. */
export function observeGauges<Key extends string>(
  meter: Meter,
  definitions: Readonly<Record<Key, MetricDefinition>>,
  read: (observe: Observe<Key>) => void | Promise<void>,
): StopObserving {
  const gauges = new Map<string, ObservableGauge>();
  for (const [key, { name, unit, description }] of Object.entries<MetricDefinition>(definitions)) {
    gauges.set(key, meter.createObservableGauge(name, { unit, description }));
  }
  const all = [...gauges.values()];
  const callback = (result: BatchObservableResult) =>
    read((gauge, value, attributes) => {
      const instrument = gauges.get(gauge);
      if (instrument !== undefined) result.observe(instrument, value, attributes);
    });
  meter.addBatchObservableCallback(callback, all);
  return () => meter.removeBatchObservableCallback(callback, all);
}
