import type { FailureDescription } from "../errors/describe-failure.js";
import type { OutboxEvent } from "../events/outbox-event.js";
import type { EventResult } from "../processor/decide-rows.js";
import type { BatchProcessingResult, EventBatchProcessor } from "../processor/event-batch-processor.js";
import type { FailureNotices } from "../processor/failure-notices.js";
import { type BatchesInWork, createWorkerLoop, type WorkerLoop } from "../processor/worker-loop.js";
import { createOutageGate, type OutageGate } from "../resilience/outage-gate.js";
import { waitBeforeProbe } from "../resilience/wait-before-probe.js";
import { isBrokerFailure } from "./is-broker-failure.js";
import { leaseTooShort } from "./publish-with.js";
import type { RelayCounters } from "./relay-counters.js";
import type { ResolvedRelayOptions } from "./relay-options.js";

/** What a loop works with. */
export interface RelayLoopParts {
  readonly processor: EventBatchProcessor<OutboxEvent>;
  readonly counters: RelayCounters;
  readonly notices: FailureNotices<OutboxEvent>;
  readonly options: ResolvedRelayOptions;
  readonly workerId: string;
}

/** One run of the relay, from `start()` to `stop()`. */
export interface RelayRun {
  readonly loop: WorkerLoop;
  readonly broker: OutageGate;
}

/** Creates the relay's loop, which pauses while the broker is away. */
export function createRelayLoop({ processor, counters, notices, options, workerId }: RelayLoopParts): RelayRun {
  const { clock, logger, publisher, batchSize, batchesInFlight, pollMinMs, pollMaxMs } = options;
  const broker = createOutageGate("the broker", logger);
  const store = createOutageGate("the database", logger);
  const isBrokerUp = () => publisher.health().status === "healthy";

  async function waitForRoom(inWork: BatchesInWork): Promise<void> {
    while (inWork.size >= batchesInFlight) await Promise.race(inWork.keys());
  }

  const waitForBroker = (stopping: AbortSignal) =>
    waitBeforeProbe({ gate: broker, clock, isUp: isBrokerUp, lookEveryMs: pollMaxMs, stopping });

  /** A batch that was released whole was claimed so slowly that its lease was too short to publish under. */
  function watchLeases({ results, counts }: BatchProcessingResult<OutboxEvent>): void {
    if (results.length === 0) return;
    const isTooShort = ({ outcome }: EventResult<OutboxEvent>) =>
      outcome.kind === "release" && outcome.reason === leaseTooShort;
    if (counts.release === results.length && results.some(isTooShort)) store.failed(slowClaims, "lease");
    else store.succeeded("lease");
  }

  const loop = createWorkerLoop<OutboxEvent>({
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
      name: "the relay",
      abandonedMeans: "a step or the publisher does not answer",
      lostMeans: "these events are published again",
      gate: broker,
      waitForRoom,
      waitBeforeProbe: waitForBroker,
      probeFoundNothing() {
        if (isBrokerUp()) broker.succeeded();
      },
      divide: (batch) => [batch],
      settled(result, isStopping) {
        const outage = firstOutage(result);
        if (outage !== null) broker.failed(outage);
        else if (brokerAnswered(result)) broker.succeeded();
        if (!isStopping) watchLeases(result);
      },
    },
  });
  return { loop, broker };
}

const slowClaims: FailureDescription = Object.freeze({
  code: "STORE.TIMEOUT",
  message: "claims take so long, or leases are renewed so late, that too little of a lease is left to publish under",
});

/** Whether the result shows that the broker can be reached; a step that throws shows nothing. */
function brokerAnswered({ results }: BatchProcessingResult<OutboxEvent>): boolean {
  return results.some(
    ({ outcome }) =>
      outcome.kind === "completed" ||
      ((outcome.kind === "retry" || outcome.kind === "failed") && isBrokerFailure(outcome.failure)),
  );
}

/** What the broker did not do for the batch, or `null`. What a step defers says nothing of the broker. */
function firstOutage({ results }: BatchProcessingResult<OutboxEvent>): FailureDescription | null {
  for (const { outcome } of results)
    if (outcome.kind === "defer" && isBrokerFailure(outcome.failure)) return outcome.failure;
  return null;
}
