import { setMaxListeners } from "node:events";
import { defaults } from "../defaults.js";
import { describeFailure, type FailureDescription } from "../errors/describe-failure.js";
import type { BaseEvent } from "../events/outbox-event.js";
import { createPause } from "../internal/pause.js";
import { aborted, waitOrAbort } from "../internal/wait-or-abort.js";
import type { Clock } from "../protocols/clock.js";
import type { Logger } from "../protocols/logger.js";
import type { OutageGate } from "../resilience/outage-gate.js";
import type { BatchProcessingResult, EventBatchProcessor } from "./event-batch-processor.js";
import type { FailureNotices } from "./failure-notices.js";
import type { ClaimedBatch, CrashedEvent } from "./fetch-strategy.js";
import { createHeldBack } from "./held-back.js";

/** Batches in work, with the number of their events. */
export type BatchesInWork = ReadonlyMap<Promise<void>, number>;

/** What is particular to one kind of worker. */
export interface WorkerPolicy<E extends BaseEvent> {
  /** "the relay", as it is called in log lines. */
  readonly name: string;
  /** What work that outlives its lease, and an outcome whose lease was lost, mean here; for log lines. */
  readonly abandonedMeans: string;
  readonly lostMeans: string;
  /** While it is open, work is only tried: one event at a time, with nothing else in work. */
  readonly gate: Pick<OutageGate, "isOpen">;
  /** Resolves when another batch may be claimed. */
  waitForRoom(inWork: BatchesInWork): Promise<void>;
  /** Waits before the next try while the gate is open. */
  waitBeforeProbe(stopping: AbortSignal): Promise<void>;
  /** There was no event to try with. */
  probeFoundNothing(): void;
  /** The parts of a batch, which are worked on and recorded by themselves. */
  divide(batch: ClaimedBatch<E>): readonly ClaimedBatch<E>[];
  /** Draws conclusions from a batch, or a part of one. */
  settled(result: BatchProcessingResult<E>, isStopping: boolean): void;
}

/** Where a loop counts. */
export interface WorkerCounters<E extends BaseEvent> {
  claimed(events: number, durationMs: number): void;
  pollFailed(): void;
  finished(result: BatchProcessingResult<E>): void;
  /** Events were failed by a claim, because they have killed their process. */
  crashed(events: number): void;
}

/** What a loop works with. */
export interface WorkerLoopParts<E extends BaseEvent> {
  readonly processor: EventBatchProcessor<E>;
  readonly policy: WorkerPolicy<E>;
  readonly counters: WorkerCounters<E>;
  readonly notices: FailureNotices<E>;
  readonly store: OutageGate;
  readonly workerId: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly batchSize: number;
  readonly pollMinMs: number;
  readonly pollMaxMs: number;
}

/** One run of a worker, from `start()` to `stop()`. */
export interface WorkerLoop {
  readonly store: OutageGate;
  /** Why the loop has ended by itself, which it never should; `null` while it runs. */
  readonly crash: FailureDescription | null;
  /** Time since the loop last began a turn, got an answer to a claim, finished a batch or was told of progress. */
  withoutProgressMs(): number;
  progressed(): void;
  begin(): void;
  nudge(): void;
  drained(): Promise<void>;
  /** @returns how many events were still in work, or had outcomes that could not be recorded, when the time ran out */
  end(timeoutMs: number): Promise<number>;
}

/** Creates the loop that claims batch after batch, pauses when little is found, and probes during outages. */
export function createWorkerLoop<E extends BaseEvent>(parts: WorkerLoopParts<E>): WorkerLoop {
  const { processor, policy, counters, notices, store, workerId, clock, logger } = parts;
  const { batchSize, pollMinMs, pollMaxMs } = parts;
  const { gate } = policy;
  const pause = createPause(clock);
  const stopping = new AbortController();
  const abandoning = new AbortController();
  // One listener for each part of a batch in work.
  setMaxListeners(0, stopping.signal, abandoning.signal);
  const inWork = new Map<Promise<void>, number>();
  let running: Promise<void> = Promise.resolve();
  let crash: FailureDescription | null = null;
  let lastProgressAt = clock.monotonicMs();
  let pollDelayMs = pollMinMs;
  let abandoned = 0;
  let emptyPolls = 0;
  let isWaitingForRoom = false;
  const heldBack = createHeldBack({ pollMinMs, pollMaxMs });
  let drainWaiters: (() => void)[] = [];

  const progressed = () => {
    lastProgressAt = clock.monotonicMs();
  };

  async function loop(): Promise<void> {
    while (!stopping.signal.aborted) {
      progressed();
      await waitOrAbort(clock, store.delayMs(), stopping.signal);
      if (gate.isOpen) await probe();
      else await workOnNextBatch();
    }
  }

  /** Claims a batch as soon as there is room for one, and leaves it to work while the next is claimed. */
  async function workOnNextBatch(): Promise<void> {
    await policy.waitForRoom(inWork);
    // Nudges do not end this pause, as they would come all the time.
    await waitOrAbort(clock, heldBack.delayMs, stopping.signal);
    progressed();
    if (gate.isOpen || stopping.signal.aborted) return;
    const batch = await claim(batchSize);
    if (batch === null) return;
    if (batch.events.length === 0) heldBack.nothingFound();
    if (batch.events.length > 0) {
      emptyPolls = 0;
      void launch(batch, null);
    }
    if (batch.events.length === batchSize) pollDelayMs = pollMinMs;
    else if (batch.hasMore) await pauseForRoom(batch.events.length);
    else await pauseAfterPoll(batch.events.length);
  }

  /** There is more, which cannot be had beside what is in work: looks again when some of that is done, and for other events meanwhile. */
  async function pauseForRoom(found: number): Promise<void> {
    if (found > 0) pollDelayMs = pollMinMs;
    isWaitingForRoom = true;
    await pause.wait(pollDelayMs);
    isWaitingForRoom = false;
    pollDelayMs = Math.min(pollMaxMs, pollDelayMs * 2);
  }

  /** During an outage: one event at a time, after a pause, with nothing else in work. */
  async function probe(): Promise<void> {
    await Promise.all(inWork.keys());
    await policy.waitBeforeProbe(stopping.signal);
    if (stopping.signal.aborted || !gate.isOpen) return;
    const batch = await claim(1);
    if (batch === null) return;
    // A failed probe is due again a moment later, behind everything that is due now, so that the next probe is another
    // event: one that always fails this way must not keep the gate open for all.
    if (batch.events.length > 0) await launch(batch, pollMinMs);
    // Beside events that wait for the answer, or have not been looked for yet, an empty probe is no answer.
    else if (batch.hasMore !== true && processor.seesAll(workerId)) policy.probeFoundNothing();
  }

  async function claim(limit: number): Promise<ClaimedBatch<E> | null> {
    if (stopping.signal.aborted) return null;
    const startedAt = clock.monotonicMs();
    try {
      const batch = await processor.claim({ workerId, batchSize: limit });
      counters.claimed(batch.events.length, clock.monotonicMs() - startedAt);
      reportCrashed(batch.crashed ?? []);
      // A worker that cannot keep what it holds ends with nothing to read, and has then asked nobody.
      if (batch.events.length > 0 || !processor.condition(workerId)?.failure) store.succeeded("claim");
      return batch;
    } catch (error) {
      counters.pollFailed();
      store.failed(describeFailure(error), "claim");
      return null;
    } finally {
      progressed();
    }
  }

  async function launch(batch: ClaimedBatch<E>, deferDelayMs: number | null): Promise<void> {
    await Promise.all(policy.divide(batch).map((part) => launchPart(part, deferDelayMs)));
  }

  function launchPart(batch: ClaimedBatch<E>, deferDelayMs: number | null): Promise<void> {
    const control = { workerId, signal: stopping.signal, abandon: abandoning.signal, store, deferDelayMs };
    const work = processor.run(batch, control).then((result) => {
      inWork.delete(work);
      if (isWaitingForRoom) pause.wake();
      progressed();
      settle(result);
    });
    inWork.set(work, batch.events.length);
    return work;
  }

  function settle(result: BatchProcessingResult<E>): void {
    const { lost } = result;
    counters.finished(result);
    notices.settled(result.results, result);
    // What the store refused earlier has been reported then, and is not left behind by the stop.
    if (!stopping.signal.aborted && result.abandoned.length > 0) {
      const fields = { workerId, events: result.abandoned.length, firstEventId: result.abandoned[0]?.id };
      logger.error(fields, `events were still in work when their lease ran out: ${policy.abandonedMeans}`);
    }
    if (stopping.signal.aborted) abandoned += result.abandoned.length + result.unrecorded.length;
    policy.settled(result, stopping.signal.aborted);
    heldBack.settled(result, gate.isOpen);
    reportFailed(result);
    if (lost.length > 0) {
      const fields = { workerId, events: lost.length, firstEventId: lost[0]?.id };
      logger.warn(fields, `leases ran out before the outcomes were recorded: ${policy.lostMeans}`);
    }
  }

  function reportCrashed(crashed: readonly CrashedEvent[]): void {
    counters.crashed(crashed.length);
    for (const { id, attemptsMade, failure } of crashed) notices.tell({ id, event: null, failure }, attemptsMade, true);
  }

  function reportFailed({ results, counts }: BatchProcessingResult<E>): void {
    for (const { event, outcome } of results) {
      if (outcome.kind !== "failed") continue;
      const fields = {
        workerId,
        events: counts.failed,
        eventId: event.id,
        type: event.type,
        partitionKey: event.partitionKey,
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
    emptyPolls = found === 0 && inWork.size === 0 && processor.seesAll(workerId) ? emptyPolls + 1 : 0;
    // The first empty poll may have run beside an outcome statement; the second one saw its result.
    if (emptyPolls >= 2) settleDrain();
    await pause.wait(drainWaiters.length > 0 ? pollMinMs : pollDelayMs);
    pollDelayMs = Math.min(pollMaxMs, pollDelayMs * 2);
  }

  /** Waits for the outcomes that are being recorded, but not for ever. */
  async function finishedWithin(timeoutMs: number): Promise<void> {
    const timeUp = createPause(clock);
    await Promise.race([Promise.all(inWork.keys()), timeUp.wait(timeoutMs)]);
    timeUp.wake();
  }

  function settleDrain(): void {
    for (const resolve of drainWaiters) resolve();
    drainWaiters = [];
  }

  return {
    store,
    get crash() {
      return crash;
    },
    withoutProgressMs: () => clock.monotonicMs() - lastProgressAt,
    progressed,
    begin() {
      running = loop().catch((error: unknown) => {
        crash = describeFailure(error);
        logger.error({ workerId, code: crash.code }, `${policy.name}'s loop has ended by itself: ${crash.message}`);
      });
    },
    nudge() {
      pollDelayMs = pollMinMs;
      pause.wake();
    },
    drained() {
      if (stopping.signal.aborted) return Promise.resolve();
      emptyPolls = 0;
      processor.recheck(workerId);
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
      const finished = running.then(() => Promise.all(inWork.keys()));
      // A store that does not answer would hold the loop, or the outcomes, longer than the caller wants to wait.
      const givenUp = aborted(abandoning.signal).then(() => finishedWithin(defaults.stopRecordMs));
      await Promise.race([finished, givenUp]);
      cancel();
      await processor.close();
      for (const events of inWork.values()) abandoned += events;
      return abandoned;
    },
  };
}
