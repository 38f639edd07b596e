import type { InboxEvent } from "../events/inbox-event.js";
import type { EventBatchProcessor } from "../processor/event-batch-processor.js";
import type { FailureNotices } from "../processor/failure-notices.js";
import type { ClaimedBatch } from "../processor/fetch-strategy.js";
import { createWorkerLoop, type WorkerLoop } from "../processor/worker-loop.js";
import { createOutageGate } from "../resilience/outage-gate.js";
import type { HandlerSlots } from "./handler-slots.js";
import type { InboxProcessorCounters } from "./inbox-processor-counters.js";
import type { ResolvedInboxProcessorOptions } from "./inbox-processor-options.js";
import type { HandlingGate } from "./inbox-processor-outage.js";
import { isSuspect } from "./inbox-processor-turns.js";

/** What a loop works with. */
export interface InboxLoopParts {
  readonly processor: EventBatchProcessor<InboxEvent>;
  readonly counters: InboxProcessorCounters;
  readonly notices: FailureNotices<InboxEvent>;
  readonly slots: HandlerSlots;
  readonly gate: HandlingGate;
  readonly options: ResolvedInboxProcessorOptions;
  readonly workerId: string;
  /** Told of each event whose start was counted when it was claimed. */
  readonly onStartCounted: (event: InboxEvent) => void;
}

/** Creates the loop of an inbox processor, which claims when handlers are free and pauses while the database is away. */
export function createInboxLoop(parts: InboxLoopParts): WorkerLoop {
  const { processor, counters, notices, slots, gate, options, workerId, onStartCounted } = parts;
  const { clock, logger, batchSize, pollMinMs, pollMaxMs, fetch } = options;
  const store = createOutageGate("the database", logger);
  gate.attach(store);
  const loop = createWorkerLoop<InboxEvent>({
    processor,
    counters,
    notices,
    store,
    workerId,
    clock,
    logger,
    batchSize,
    pollMinMs,
    pollMaxMs,
    policy: {
      name: "the inbox processor",
      abandonedMeans: "they could not be extended, or a step does not answer",
      lostMeans: "other workers may have these events; what was written under a lost lease is rolled back",
      gate,
      waitForRoom: () => slots.whenRoom(),
      // The loop has waited for the database's gate, of which this one is a part.
      waitBeforeProbe: async () => gate.allowProbe(),
      probeFoundNothing: () => gate.close(),
      divide(batch) {
        for (const event of batch.events) if (batch.isStartCounted?.(event)) onStartCounted(event);
        // What keeps the order of a batch has to be told of all of it at once.
        return batch.order === undefined ? normalsBeforeSuspects(batch) : [batch];
      },
      settled({ counts }, isStopping) {
        // The next event of a key can be had only when the one before is done.
        if (fetch.requires.includes("keyHeads") && !isStopping && counts.completed + counts.failed > 0) loop.nudge();
      },
    },
  });
  return loop;
}

/** Suspects wait to be alone, and must keep neither the outcomes of the others waiting nor those of one another. */
function normalsBeforeSuspects(batch: ClaimedBatch<InboxEvent>): readonly ClaimedBatch<InboxEvent>[] {
  const suspects = batch.events.filter(isSuspect);
  if (suspects.length === 0) return [batch];
  const normals = batch.events.filter((event) => !isSuspect(event));
  const parts = suspects.map((event) => [event]);
  return (normals.length > 0 ? [normals, ...parts] : parts).map((events) => ({ ...batch, events }));
}
