import { defaults } from "../defaults.js";
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
  /** Why the loop has ended by itself, which it never should; `null` while it runs. */
  readonly crash: FailureDescription | null;
  /** Time since the loop last began a turn, got an answer to a claim or finished a batch. */
  withoutProgressMs(): number;
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
  /** Batches in work, with the number of their events. */
  const inFlight = new Map<Promise<void>, number>();
  let running: Promise<void> = Promise.resolve();
  let crash: FailureDescription | null = null;
  let lastProgressAt = clock.monotonicMs();
  let pollDelayMs = pollMinMs;
  let abandoned = 0;
  let emptyPolls = 0;
  let drainWaiters: (() => void)[] = [];

  async function loop(): Promise<void> {
    while (!stopping.signal.aborted) {
      lastProgressAt = clock.monotonicMs();
      await waitOrAbort(clock, store.delayMs(), stopping.signal);
      if (broker.isOpen) await probeBroker();
      else await relayNextBatch();
    }
  }

  /** Claims a batch as soon as there is room for one, and leaves it to work while the next is claimed. */
  async function relayNextBatch(): Promise<void> {
    while (inFlight.size >= batchesInFlight) await Promise.race(inFlight.keys());
    if (broker.isOpen || stopping.signal.aborted) return;
    const batch = await claim(batchSize);
    if (batch === null) return;
    if (batch.events.length > 0) void launch(batch, null);
    if (batch.events.length === batchSize) pollDelayMs = pollMinMs;
    else await pauseAfterPoll(batch.events.length);
  }

  /** While the broker is away: one event at a time, after a pause, with nothing else in work. */
  async function probeBroker(): Promise<void> {
    await Promise.all(inFlight.keys());
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
      store.succeeded("claim");
      return batch;
    } catch (error) {
      counters.pollFailed();
      store.failed(describeFailure(error), "claim");
      return null;
    } finally {
      lastProgressAt = clock.monotonicMs();
    }
  }

  function launch(batch: ClaimedBatch<OutboxEvent>, deferDelayMs: number | null): Promise<void> {
    const control = { workerId, signal: stopping.signal, abandon: abandoning.signal, store, deferDelayMs };
    const work = processor.run(batch, control).then((result) => {
      inFlight.delete(work);
      lastProgressAt = clock.monotonicMs();
      settle(result);
    });
    inFlight.set(work, batch.events.length);
    return work;
  }

  function settle(result: BatchProcessingResult<OutboxEvent>): void {
    const { lost } = result;
    counters.finished(result);
    // What the store refused earlier has been reported then, and is not left behind by the stop.
    if (!stopping.signal.aborted && result.abandoned.length > 0) {
      const fields = { workerId, events: result.abandoned.length, firstEventId: result.abandoned[0]?.id };
      logger.error(
        fields,
        "events were still in work when their lease ran out: a step or the publisher does not answer",
      );
    }
    if (stopping.signal.aborted) abandoned += result.abandoned.length + result.unrecorded.length;
    const outage = firstDeferral(result);
    if (outage !== null) broker.failed(outage);
    else if (brokerAnswered(result)) broker.succeeded();
    watchLeases(result);
    reportFailed(result);
    if (lost.length > 0) {
      const fields = { workerId, events: lost.length, firstEventId: lost[0]?.id };
      logger.warn(fields, "leases ran out before the outcomes were recorded: these events are published again");
    }
  }

  /** A batch that was released whole was claimed so slowly that its lease was too short to publish under. */
  function watchLeases({ results, counts }: BatchProcessingResult<OutboxEvent>): void {
    if (stopping.signal.aborted || results.length === 0) return;
    if (counts.release === results.length) store.failed(slowClaims, "lease");
    else store.succeeded("lease");
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

  /** Waits for the outcomes that are being recorded, but not for ever. */
  async function finishedWithin(timeoutMs: number): Promise<void> {
    const timeUp = createPause(clock);
    await Promise.race([Promise.all(inFlight.keys()), timeUp.wait(timeoutMs)]);
    timeUp.wake();
  }

  function settleDrain(): void {
    for (const resolve of drainWaiters) resolve();
    drainWaiters = [];
  }

  return {
    broker,
    store,
    get crash() {
      return crash;
    },
    withoutProgressMs: () => clock.monotonicMs() - lastProgressAt,
    begin() {
      running = loop().catch((error: unknown) => {
        crash = describeFailure(error);
        logger.error({ workerId, code: crash.code }, `the relay's loop has ended by itself: ${crash.message}`);
      });
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
      const finished = running.then(() => Promise.all(inFlight.keys()));
      // A store that does not answer would hold the loop, or the outcomes, longer than the caller wants to wait.
      const givenUp = aborted(abandoning.signal).then(() => finishedWithin(defaults.stopRecordMs));
      await Promise.race([finished, givenUp]);
      cancel();
      for (const events of inFlight.values()) abandoned += events;
      return abandoned;
    },
  };
}

const slowClaims: FailureDescription = Object.freeze({
  code: "STORE.TIMEOUT",
  message: "claims take so long that too little of their leases is left to publish under",
});

/** Whether the result shows that the broker can be reached; a step that throws shows nothing. */
function brokerAnswered({ results }: BatchProcessingResult<OutboxEvent>): boolean {
  return results.some(
    ({ outcome }) =>
      outcome.kind === "completed" ||
      ((outcome.kind === "retry" || outcome.kind === "failed") && outcome.failure.code.startsWith("BROKER.")),
  );
}

/** Why events of the batch were deferred, or `null` if none were. */
function firstDeferral({ results }: BatchProcessingResult<OutboxEvent>): FailureDescription | null {
  for (const { outcome } of results) if (outcome.kind === "defer") return outcome.failure;
  return null;
}
