import type { WorkerCounter } from "@omni-box/core";
import { batchSizeBuckets, durationBucketsSeconds, lagBucketsSeconds } from "./defaults.js";
import { attributeNames } from "./messaging-attributes.js";
import type { MetricDefinition } from "./metric-definition.js";

/** The metrics of one kind of worker, under the names that core has for them. */
export interface WorkerMetrics<Counter extends string, Measurement extends string> {
  readonly counters: Readonly<Record<Counter, MetricDefinition>>;
  readonly measurements: Readonly<Record<Measurement, MetricDefinition>>;
}

type Counted = readonly [name: string, unit: string, description: string, ...labels: string[]];
type Measured = readonly [name: string, kind: "duration" | "lag" | "size", description: string, ...labels: string[]];

const { eventType } = attributeNames;

/** What relay and inbox processor both count. */
export const workerCounters = {
  claimed: ["claimed", "{event}", "Events read, or claimed."],
  retried: ["retried", "{event}", "Counted failures that will be tried again.", eventType],
  deferred: ["deferred", "{event}", "Events that met an outage, or have to wait; no attempt is spent.", eventType],
  failed: ["failed", "{event}", "Events given up; those that crashed are among the others.", eventType],
  crashed: ["crashed", "{event}", "Of those failed: they killed their process in each of their lone starts."],
  released: ["released", "{event}", "Events not worked on after all.", eventType],
  abandoned: ["abandoned", "{event}", "Events still in work when their lease ran out, or at the end of a stop."],
  leasesLost: [
    "leases_lost",
    "{event}",
    "Lease conflicts: outcomes that were not written because another worker has the event.",
  ],
  outcomesUncertain: [
    "outcomes_uncertain",
    "{event}",
    "Outcomes whose first statement was not answered and whose repetition found nothing to write.",
  ],
  outcomesUnrecorded: ["outcomes_unrecorded", "{event}", "Outcomes that could not be written at all."],
  batches: ["batches", "{batch}", "Reads or claims that returned events."],
  emptyPolls: ["empty_polls", "{poll}", "Reads or claims that returned none."],
  pollErrors: ["poll_errors", "{poll}", "Reads or claims that failed."],
} as const satisfies Record<WorkerCounter, Counted>;

/** Defines counters. `prefix`: of their names; `labels`: what all of them have. */
export function countersOf<Counter extends string>(
  prefix: string,
  labels: readonly string[],
  counters: Readonly<Record<Counter, Counted>>,
): Readonly<Record<Counter, MetricDefinition>> {
  return defineAll(counters, ([name, unit, description, ...own]) => ({
    name: `${prefix}.${name}`,
    kind: "counter",
    unit,
    description,
    labels: [...labels, ...own],
  }));
}

/** Defines histograms likewise. */
export function measurementsOf<Measurement extends string>(
  prefix: string,
  labels: readonly string[],
  measurements: Readonly<Record<Measurement, Measured>>,
): Readonly<Record<Measurement, MetricDefinition>> {
  const buckets = { duration: durationBucketsSeconds, lag: lagBucketsSeconds, size: batchSizeBuckets };
  return defineAll(measurements, ([name, kind, description, ...own]) => ({
    name: `${prefix}.${name}`,
    kind: "histogram",
    unit: kind === "size" ? "{event}" : "s",
    description,
    labels: [...labels, ...own],
    buckets: buckets[kind],
  }));
}

function defineAll<Key extends string, Short>(
  given: Readonly<Record<Key, Short>>,
  define: (short: Short) => MetricDefinition,
): Readonly<Record<Key, MetricDefinition>> {
  const entries = Object.entries<Short>(given).map(([key, short]) => [key, Object.freeze(define(short))]);
  return Object.freeze(Object.fromEntries(entries)) as Readonly<Record<Key, MetricDefinition>>;
}
