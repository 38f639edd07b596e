import { attributeNames } from "./messaging-attributes.js";
import type { MetricDefinition } from "./metric-definition.js";

/** Names of the attributes by which stores, workers and breakers are told apart. */
export const gaugeLabels = Object.freeze({
  store: "omni_box.store",
  worker: "omni_box.worker",
  status: "omni_box.status",
  breaker: "omni_box.breaker",
  state: "omni_box.state",
});

type Short = readonly [name: string, unit: string, description: string];

function gauges<Key extends string>(
  labels: readonly string[],
  given: Readonly<Record<Key, Short>>,
): Readonly<Record<Key, MetricDefinition>> {
  const entries = Object.entries<Short>(given).map(([key, [name, unit, description]]) => {
    return [key, Object.freeze<MetricDefinition>({ name, kind: "gauge", unit, description, labels })];
  });
  return Object.freeze(Object.fromEntries(entries)) as Readonly<Record<Key, MetricDefinition>>;
}

/** What {@link observeStore} exports. */
export const storeGauges = gauges([gaugeLabels.store, attributeNames.consumerGroup], {
  up: ["omni_box.store.up", "1", "1 when the database told the other numbers, else 0: they are left out then."],
  pending: ["omni_box.store.pending", "{event}", "Events that wait for their work; counted up to a limit."],
  failed: [
    "omni_box.store.failed",
    "{event}",
    "Events given up and not yet requeued, skipped or purged; counted likewise.",
  ],
  awaitingDeadLetter: [
    "omni_box.store.awaiting_dead_letter",
    "{event}",
    "Failed events whose dead letter is not published.",
  ],
  oldestPendingAge: [
    "omni_box.store.oldest_pending_age",
    "s",
    "Age of the oldest event whose time has come; 0 when there is none.",
  ],
  blockedKeys: ["omni_box.store.blocked_keys", "{key}", "Partition keys that stand still behind a failed event."],
  expiredLeases: ["omni_box.store.expired_leases", "{event}", "Pending events under a lease that has run out."],
  unownedBuckets: ["omni_box.store.unowned_buckets", "{bucket}", "Buckets that no living worker owns."],
});

/** What {@link observeWorker} exports. */
export const workerGauges = {
  ...gauges([gaugeLabels.worker, gaugeLabels.status], {
    status: ["omni_box.worker.status", "1", "1 for the status that the worker's health has, 0 for the others."],
  }),
  ...gauges([gaugeLabels.worker], {
    blockedKeys: [
      "omni_box.worker.blocked_keys",
      "{key}",
      "Keys of the worker's own buckets that stand still behind a failed event.",
    ],
    ownedBuckets: ["omni_box.worker.owned_buckets", "{bucket}", "Buckets that the worker owns."],
  }),
};

/** What {@link observeBreaker} exports. */
export const breakerGauges = gauges([gaugeLabels.breaker, gaugeLabels.state], {
  circuits: [
    "omni_box.breaker.circuits",
    "{circuit}",
    "Circuits of the breaker in this state; without a key it has one.",
  ],
});
