import type { MetricsRecorder } from "@omni-box/core";
import type { Attributes, Meter } from "@opentelemetry/api";
import type { EventTypeLabels } from "./event-type-labels.js";
import { attributeNames } from "./messaging-attributes.js";
import type { MetricDefinition } from "./metric-definition.js";
import type { WorkerMetrics } from "./worker-metrics.js";

/** What a recorder records into. */
export interface RecorderParts<Counter extends string, Measurement extends string> {
  readonly meter: Meter;
  readonly definitions: WorkerMetrics<Counter, Measurement>;
  /** Of every point. */
  readonly attributes: Attributes;
  readonly eventTypes: EventTypeLabels;
}

/** One instrument. */
type Instrument = (value: number, eventType: string | undefined) => void;

/**
 * Creates a recorder that passes everything on to the meter. Every counter begins with 0 for each of its labels, so that the first
 * event is an increase and a missing series a fault.
 */
export function createRecorder<Counter extends string, Measurement extends string>(
  parts: RecorderParts<Counter, Measurement>,
): MetricsRecorder<Counter, Measurement> {
  const { meter, definitions, attributes, eventTypes } = parts;
  const plain = Object.freeze({ ...attributes });
  // Made once: it is looked up for every event.
  const typed = new Map(
    eventTypes.all.map((label) => [label, Object.freeze({ ...attributes, [attributeNames.eventType]: label })]),
  );

  function attributesOf({ labels }: MetricDefinition, eventType: string | undefined): Attributes {
    if (!labels.includes(attributeNames.eventType)) return plain;
    return typed.get(eventTypes.labelOf(eventType ?? "")) ?? plain;
  }

  function counter(definition: MetricDefinition): Instrument {
    const { name, unit, description, labels } = definition;
    const instrument = meter.createCounter(name, { unit, description });
    const all = labels.includes(attributeNames.eventType) ? [...typed.values()] : [plain];
    for (const point of all) instrument.add(0, point);
    return (value, eventType) => instrument.add(value, attributesOf(definition, eventType));
  }

  function histogram(definition: MetricDefinition): Instrument {
    const { name, unit, description, buckets = [] } = definition;
    const advice = { explicitBucketBoundaries: [...buckets] };
    const instrument = meter.createHistogram(name, { unit, description, advice });
    const factor = unit === "s" ? 1 / 1_000 : 1;
    // Two machines' clocks may be apart, and a negative value would be refused with a warning each time.
    return (value, eventType) => instrument.record(Math.max(0, value * factor), attributesOf(definition, eventType));
  }

  const counters = mapValues(definitions.counters, counter);
  const measurements = mapValues(definitions.measurements, histogram);
  return Object.freeze<MetricsRecorder<Counter, Measurement>>({
    add: (name, value, eventType) => counters[name](value, eventType),
    record: (name, value, eventType) => measurements[name](value, eventType),
  });
}

function mapValues<Key extends string>(
  given: Readonly<Record<Key, MetricDefinition>>,
  make: (definition: MetricDefinition) => Instrument,
): Readonly<Record<Key, Instrument>> {
  const entries = Object.entries<MetricDefinition>(given).map(([key, definition]) => [key, make(definition)]);
  return Object.fromEntries(entries) as Record<Key, Instrument>;
}
