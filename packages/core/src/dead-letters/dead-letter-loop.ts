import { setMaxListeners } from "node:events";
import { defaults } from "../defaults.js";
import { describeFailure, type FailureDescription } from "../errors/describe-failure.js";
import { createPause } from "../internal/pause.js";
import { aborted, waitOrAbort } from "../internal/wait-or-abort.js";
import { createOutageGate, type OutageGate } from "../resilience/outage-gate.js";
import { waitBeforeProbe } from "../resilience/wait-before-probe.js";
import { type BatchReport, workOnLetters } from "./dead-letter-batch.js";
import type { DeadLetterCounter } from "./dead-letter-counters.js";
import type { DeadLetterEvent } from "./dead-letter-message.js";
import type { ResolvedDeadLetterOptions } from "./dead-letter-publisher-options.js";
import { createLettersInHand, type TakenLetter } from "./letters-in-hand.js";

/** What a loop works with. */
export interface DeadLetterLoopParts<E extends DeadLetterEvent> {
  readonly options: ResolvedDeadLetterOptions<E>;
  count(counter: DeadLetterCounter, letters: number): void;
}

/** One run of a dead-letter publisher, from `start()` to `stop()`. */
export interface DeadLetterLoop {
  readonly store: OutageGate;
  /** Open while letters cannot be published at all. */
  readonly broker: OutageGate;
  /** Why the loop has ended by itself, which it never should; `null` while it runs. */
  readonly crash: FailureDescription | null;
  withoutProgressMs(): number;
  begin(): void;
  nudge(): void;
  drained(): Promise<void>;
  /** @returns how many letters were still on their way, or could not be recorded, when the time ran out */
  end(timeoutMs: number): Promise<number>;
}

/** The task under which the store's gate hears of takes that come too late to publish what they took. */
const lateTake = "late take";
const tooLate: FailureDescription = Object.freeze({
  code: "STORE.TIMEOUT",
  message: "letters are taken so slowly that too little of their lease is left to publish them",
});

/** Creates the loop that takes letters, publishes them and records that, one batch after the other. */
export function createDeadLetterLoop<E extends DeadLetterEvent>(parts: DeadLetterLoopParts<E>): DeadLetterLoop {
  const { options, count } = parts;
  const { administration, publisher, clock, logger, batchSize, publishTimeoutMs, leaseMs } = options;
  const { filters, pollMinMs, pollMaxMs } = options;
  const store = createOutageGate("the database", logger);
  const broker = createOutageGate("the broker", logger, {
    down: "takes no dead letters",
    up: "takes dead letters again",
  });
  const pause = createPause(clock);
  const stopping = new AbortController();
  const abandoning = new AbortController();
  setMaxListeners(0, stopping.signal, abandoning.signal);
  const request = { leaseMs, ...(filters && { filters }) };
  const onTaken = (letters: number) => count("taken", letters);
  const hand = createLettersInHand<E>({ administration, request, clock, publishTimeoutMs, onTaken });
  const isBrokerUp = () => publisher.health().status === "healthy";
  let running: Promise<void> = Promise.resolve();
  let crash: FailureDescription | null = null;
  let lastProgressAt = clock.monotonicMs();
  let pollDelayMs = pollMinMs;
  let inWork = 0;
  let abandoned = 0;
  let isRefusing = false;
  let takes = 0;
  /** What was due before the call of `drained` is found by a take that begins after it. */
  let drainWaiters: { readonly since: number; readonly resolve: () => void }[] = [];

  const progressed = () => {
    lastProgressAt = clock.monotonicMs();
  };

  async function loop(): Promise<void> {
    while (!stopping.signal.aborted) {
      progressed();
      await waitOrAbort(clock, store.delayMs(), stopping.signal);
      if (broker.isOpen) {
        const stop = stopping.signal;
        await waitBeforeProbe({ gate: broker, clock, isUp: isBrokerUp, lookEveryMs: pollMaxMs, stopping: stop });
      }
      const letters = await take(broker.isOpen ? 1 : batchSize);
      if (letters === null) continue;
      if (letters.length === 0) await foundNothing();
      else await workOn(letters);
    }
  }

  async function take(limit: number): Promise<readonly TakenLetter<E>[] | null> {
    if (stopping.signal.aborted) return null;
    takes += 1;
    try {
      const letters = await hand.next(limit);
      store.succeeded("take");
      return letters;
    } catch (error) {
      count("pollErrors", 1);
      store.failed(describeFailure(error), "take");
      return null;
    } finally {
      progressed();
    }
  }

  /** Sleeps after a poll that found nothing, longer and longer. */
  async function foundNothing(): Promise<void> {
    count("emptyPolls", 1);
    // Of an outage, an empty probe says nothing more than the publisher does. Refusals end when a letter is taken.
    if (!isRefusing && isBrokerUp()) broker.succeeded();
    if (!broker.isOpen || isRefusing) settleDrain(takes);
    await pause.wait(pollDelayMs);
    pollDelayMs = Math.min(pollMaxMs, pollDelayMs * 2);
  }

  async function workOn(letters: readonly TakenLetter<E>[]): Promise<void> {
    pollDelayMs = pollMinMs;
    inWork = letters.length;
    const context = { clock, logger, store, abandon: abandoning.signal };
    const report = await workOnLetters(letters, { ...options, context });
    inWork = 0;
    progressed();
    settle(report, letters.length);
  }

  function settle(report: BatchReport<E>, taken: number): void {
    const { published, refused, deferred, released } = report;
    count("published", published.length);
    count("failed", refused.length);
    count("deferred", deferred.length);
    count("released", released);
    count("abandoned", report.abandoned);
    count("unrecorded", report.unrecorded);
    if (stopping.signal.aborted) {
      abandoned += report.abandoned + report.unrecorded;
      return;
    }
    hand.keep(deferred);
    const wasRefusing = isRefusing;
    watchBroker(report);
    if (released === taken) store.failed(tooLate, lateTake);
    else store.succeeded(lateTake);
    // Of a broker that refuses everything it is known already.
    if (!wasRefusing) sayFirstRefusals(report);
    if (report.abandoned > 0) {
      const fields = { letters: report.abandoned };
      logger.error(
        fields,
        "the publisher does not answer: dead letters were still on their way when their lease ran out",
      );
    }
  }

  /**
   * A broker that refuses one letter after the other is not asked faster than one that is away, until it takes one. A single letter that is
   * refused may be to blame itself, and is an answer.
   */
  function watchBroker({ published, refused, outage }: BatchReport<E>): void {
    const [example] = refused;
    if (outage !== null) {
      isRefusing = false;
      broker.failed(outage);
    } else if (published.length === 0 && example !== undefined && (refused.length > 1 || isRefusing)) {
      isRefusing = true;
      broker.failed(example.failure);
    } else if (published.length > 0 || example !== undefined) {
      isRefusing = false;
      broker.succeeded();
    }
  }

  /** Once for each letter, and in one line for a batch: later refusals are in the event's history and in the counters. */
  function sayFirstRefusals({ refused }: BatchReport<E>): void {
    const first = refused.filter(({ letter }) => letter.attemptsMade === 0);
    const [example] = first;
    if (example === undefined) return;
    const { event } = example.letter;
    const fields = { letters: first.length, eventId: event.id, type: event.type, code: example.failure.code };
    logger.error(
      fields,
      `dead letters were refused and are tried again, the first of them over: ${example.failure.message}`,
    );
  }

  function settleDrain(foundBy: number): void {
    for (const { since, resolve } of drainWaiters) if (since < foundBy) resolve();
    drainWaiters = drainWaiters.filter(({ since }) => since >= foundBy);
  }

  /** The records of what is published, but not for ever. */
  async function recordedWithin(timeoutMs: number): Promise<void> {
    const timeUp = createPause(clock);
    await Promise.race([running, timeUp.wait(timeoutMs)]);
    timeUp.wake();
  }

  return {
    store,
    broker,
    get crash() {
      return crash;
    },
    withoutProgressMs: () => clock.monotonicMs() - lastProgressAt,
    begin() {
      running = loop().catch((error: unknown) => {
        crash = describeFailure(error);
        logger.error({ code: crash.code }, `the dead-letter publisher's loop has ended by itself: ${crash.message}`);
      });
    },
    nudge() {
      pollDelayMs = pollMinMs;
      pause.wake();
    },
    drained() {
      if (stopping.signal.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        drainWaiters.push({ since: takes, resolve });
        pause.wake();
      });
    },
    async end(timeoutMs) {
      stopping.abort();
      pause.wake();
      settleDrain(Number.POSITIVE_INFINITY);
      const cancel = clock.schedule(timeoutMs, () => abandoning.abort());
      const givenUp = aborted(abandoning.signal).then(() => recordedWithin(defaults.stopRecordMs));
      await Promise.race([running, givenUp]);
      cancel();
      hand.drop();
      return abandoned + inWork;
    },
  };
}
