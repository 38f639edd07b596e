import type {
  InboxConsumerCounter,
  InboxConsumerMeasurement,
  InboxProcessorCounter,
  InboxProcessorMeasurement,
} from "@omni-box/core";
import { attributeNames } from "./messaging-attributes.js";
import { countersOf, measurementsOf, type WorkerMetrics, workerCounters } from "./worker-metrics.js";

const { consumerGroup, eventType } = attributeNames;
const consumer = "omni_box.consumer";
const processor = "omni_box.processor";

/** What an inbox consumer counts and measures. */
export const consumerMetricDefinitions: WorkerMetrics<InboxConsumerCounter, InboxConsumerMeasurement> = {
  counters: countersOf<InboxConsumerCounter>(consumer, [consumerGroup], {
    received: ["received", "{message}", "Messages delivered by the broker."],
    processed: ["processed", "{message}", "Messages handled with success on arrival.", eventType],
    stale: ["stale", "{message}", "Of those processed: older than one of their key that had been handled.", eventType],
    duplicates: ["duplicates", "{message}", "Messages that were stored before.", eventType],
    stored: ["stored", "{message}", "Messages stored for the processor, no attempt spent.", eventType],
    retried: ["retried", "{message}", "Messages whose attempt failed and that will be tried again.", eventType],
    failed: ["failed", "{message}", "Messages given up on arrival.", eventType],
    undecodable: ["undecodable", "{message}", "Messages that could not be read; kept as failed.", eventType],
    deadLettered: ["dead_lettered", "{message}", "Messages handed to the broker's dead letters.", eventType],
    unstorable: ["unstorable", "{message}", "Messages that the store refused in every form."],
    requeued: ["requeued", "{message}", "Messages given back to the broker by a stop.", eventType],
    lost: [
      "lost",
      "{message}",
      "Messages whose channel had gone before they were handled; they come again.",
      eventType,
    ],
    noHandler: ["no_handler", "{message}", "Of those stored or retried: nobody handles their kind.", eventType],
    suspects: ["suspects", "{message}", "Of those stored: they may have killed their process.", eventType],
    blocked: ["blocked", "{message}", "Of those stored: behind an earlier pending event of their key.", eventType],
    conflicts: ["conflicts", "{conflict}", "Collisions with other transactions."],
    storeErrors: ["store_errors", "{error}", "Statements and transactions that the store did not answer."],
    batchesRepeated: ["batches_repeated", "{batch}", "Transactions of several messages done again message by message."],
  }),
  measurements: measurementsOf<InboxConsumerMeasurement>(consumer, [consumerGroup], {
    batchSize: ["batch_size", "size", "Messages per transaction."],
    handlerDurationMs: [
      "handler.duration",
      "duration",
      "Time of one call of a handler, whatever came of it.",
      eventType,
    ],
  }),
};

/** What an inbox processor counts and measures. */
export const processorMetricDefinitions: WorkerMetrics<InboxProcessorCounter, InboxProcessorMeasurement> = {
  counters: countersOf<InboxProcessorCounter>(processor, [consumerGroup], {
    completed: ["completed", "{event}", "Stored events handled with success.", eventType],
    skipped: ["skipped", "{event}", "Of those completed: the handler or a step had nothing to do.", eventType],
    noHandler: ["no_handler", "{event}", "Of those retried or failed: nobody handles their kind.", eventType],
    ...workerCounters,
  }),
  measurements: measurementsOf<InboxProcessorMeasurement>(processor, [consumerGroup], {
    batchSize: ["batch_size", "size", "Events per batch."],
    claimDurationMs: ["claim.duration", "duration", "Time of one read or claim."],
    handlerDurationMs: [
      "handler.duration",
      "duration",
      "Time of one call of a handler, whatever came of it.",
      eventType,
    ],
    commitDurationMs: ["commit.duration", "duration", "Time for recording the outcomes of a batch."],
    lagMs: [
      "lag",
      "lag",
      "From the insert of a batch's first completed event to the end of the batch, across two clocks.",
    ],
  }),
};
