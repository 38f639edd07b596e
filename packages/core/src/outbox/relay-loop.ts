import { describeFailure, type FailureDescription } from "../errors/describe-failure.js";
import type { OutboxEvent } from "../events/outbox-event.js";
import { createPause } from "../internal/pause.js";
import { aborted, waitOrAbort } from "../internal/wait-or-abort.js";
import type { BatchProcessingResult, EventBatchProcessor } from "../processor/event-batch-processor.js";
import type { ClaimedBatch } from "../processor/fetch-strategy.js";
import { createOutageGate, type OutageGate } from "../resilience/outage-gate.js";
import type { RelayCounters } from "./relay-counters.js";
import type { ResolvedRelayOptions } from "./relay-options.js";

/** What a loop works with. */
export interface RelayLoopParts {
  readonly processor: EventBatchProcessor<OutboxEvent>;
  readonly counters: RelayCounters;
  readonly options: ResolvedRelayOptions;
  readonly workerId: string;
}

/** One run of the relay, from `start()` to `stop()`. */
export interface RelayLoop {
  readonly broker: OutageGate;
  readonly store: OutageGate;
  /** Time since the loop last began a turn. */
  sinceLastTurnMs(): number;
  begin(): void;
  nudge(): void;
  drained(): Promise<void>;
  /** @returns how many events were still in work, or had outcomes that could not be recorded, when the time ran out */
  end(timeoutMs: number): Promise<number>;
}

export function createRelayLoop({ processor, counters, options, workerId }: RelayLoopParts): RelayLoop {
  const { clock, logger, publisher, batchSize, batchesInFlight, pollMinMs, pollMaxMs } = options;
  const broker = createOutageGate("the broker", logger);
  const store = createOutageGate("the database", logger);
  const pause = createPause(clock);
  const stopping = new AbortController();
  const abandoning = new AbortController();
  const inFlight = new Set<Promise<void>>();
  let running: Promise<void> = Promise.resolve();
  let lastTurnAt = clock.monotonicMs();
  let pollDelayMs = pollMinMs;
  let abandoned = 0;
  let emptyPolls = 0;
  let drainWaiters: (() => void)[] = [];

  async function loop(): Promise<void> {
    while (!stopping.signal.aborted) {
      lastTurnAt = clock.monotonicMs();
      await waitOrAbort(clock, store.delayMs(), stopping.signal);
      if (broker.isOpen) await probeBroker();
      else await relayNextBatch();
    }
  }

  /** Claims a batch as soon as there is room for one, and leaves it to work while the next is claimed. */
  async function relayNextBatch(): Promise<void> {
    while (inFlight.size >= batchesInFlight) await Promise.race(inFlight);
    if (broker.isOpen || stopping.signal.aborted) return;
    const batch = await claim(batchSize);
    if (batch === null) return;
    if (batch.events.length > 0) void launch(batch, null);
    if (batch.events.length === batchSize) pollDelayMs = pollMinMs;
    else await pauseAfterPoll(batch.events.length);
  }

  /** While the broker is away: one event at a time, after a pause, with nothing else in work. */
  async function probeBroker(): Promise<void> {
    await Promise.all(inFlight);
    await probeDelay();
    if (stopping.signal.aborted || !broker.isOpen) return;
    const batch = await claim(1);
    if (batch === null) return;
    // A failed probe is due again a moment later, behind everything that is due now, so that the next probe is another
    // event: one that always fails this way must not keep the gate open for all.
    if (batch.events.length > 0) await launch(batch, pollMinMs);
    else if (publisher.health().status === "healthy") broker.succeeded();
  }

  /** Waits as long as the gate says, or until a publisher that was down says that it is up again. */
  async function probeDelay(): Promise<void> {
    const wasDown = publisher.health().status !== "healthy";
    const until = clock.monotonicMs() + broker.delayMs();
    for (let leftMs = broker.delayMs(); leftMs > 0 && !stopping.signal.aborted; leftMs = until - clock.monotonicMs()) {
      await waitOrAbort(clock, Math.min(leftMs, pollMaxMs), stopping.signal);
      if (wasDown && publisher.health().status === "healthy") return;
    }
  }

  async function claim(limit: number): Promise<ClaimedBatch<OutboxEvent> | null> {
    if (stopping.signal.aborted) return null;
    const startedAt = clock.monotonicMs();
    try {
      const batch = await processor.claim({ workerId, batchSize: limit });
      counters.claimed(batch.events.length, clock.monotonicMs() - startedAt);
      store.succeeded();
      return batch;
    } catch (error) {
      counters.pollFailed();
      store.failed(describeFailure(error));
      return null;
    }
  }

  function launch(batch: ClaimedBatch<OutboxEvent>, deferDelayMs: number | null): Promise<void> {
    const control = { workerId, signal: stopping.signal, abandon: abandoning.signal, store, deferDelayMs };
    const work = processor.run(batch, control).then((result) => {
      inFlight.delete(work);
      settle(result);
    });
    inFlight.add(work);
    return work;
  }

  function settle(result: BatchProcessingResult<OutboxEvent>): void {
    const { counts, lost } = result;
    counters.finished(result);
    // What the store refused earlier has been reported then, and is not left behind by the stop.
    if (stopping.signal.aborted) abandoned += result.abandoned.length + result.unrecorded.length;
    const outage = firstDeferral(result);
    if (outage !== null) broker.failed(outage);
    else if (counts.completed + counts.retry + counts.failed > 0) broker.succeeded();
    reportFailed(result);
    if (lost.length > 0) {
      const fields = { workerId, events: lost.length, firstEventId: lost[0]?.id };
      logger.warn(fields, "leases ran out before the outcomes were recorded: these events are published again");
    }
  }

  function reportFailed({ results, counts }: BatchProcessingResult<OutboxEvent>): void {
    for (const { event, outcome } of results) {
      if (outcome.kind !== "failed") continue;
      const fields = {
        workerId,
        events: counts.failed,
        eventId: event.id,
        type: event.type,
        code: outcome.failure.code,
      };
      // One line for a batch: a misconfigured exchange must not write a line for each of a million events.
      logger.error(fields, `events have failed for good, the first of them over: ${outcome.failure.message}`);
      return;
    }
  }

  /** Sleeps after a poll that did not fill a batch: longer and longer while nothing is found. */
  async function pauseAfterPoll(found: number): Promise<void> {
    if (found > 0) pollDelayMs = pollMinMs;
    emptyPolls = found === 0 && inFlight.size === 0 ? emptyPolls + 1 : 0;
    // The first empty poll may have run beside an outcome statement; the second one saw its result.
    if (emptyPolls >= 2) settleDrain();
    await pause.wait(drainWaiters.length > 0 ? pollMinMs : pollDelayMs);
    pollDelayMs = Math.min(pollMaxMs, pollDelayMs * 2);
  }

  function settleDrain(): void {
    for (const resolve of drainWaiters) resolve();
    drainWaiters = [];
  }

  return {
    broker,
    store,
    sinceLastTurnMs: () => clock.monotonicMs() - lastTurnAt,
    begin() {
      running = loop();
    },
    nudge() {
      pollDelayMs = pollMinMs;
      pause.wake();
    },
    drained() {
      if (stopping.signal.aborted) return Promise.resolve();
      emptyPolls = 0;
      return new Promise((resolve) => {
        drainWaiters.push(resolve);
        pause.wake();
      });
    },
    async end(timeoutMs) {
      stopping.abort();
      pause.wake();
      settleDrain();
      const cancel = clock.schedule(timeoutMs, () => abandoning.abort());
      const finished = running.then(() => Promise.all(inFlight));
      // A store that does not answer a claim would hold the loop longer than the caller wants to wait.
      await Promise.race([finished, aborted(abandoning.signal).then(() => Promise.all(inFlight))]);
      cancel();
      return abandoned;
    },
  };
}

/** Why events of the batch were deferred, or `null` if none were. */
function firstDeferral({ results }: BatchProcessingResult<OutboxEvent>): FailureDescription | null {
  for (const { outcome } of results) if (outcome.kind === "defer") return outcome.failure;
  return null;
}
