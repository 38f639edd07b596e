import { z } from "zod";
import { defaults, limits } from "../defaults.js";
import { functionOption, milliseconds, objectWith, validateOptions } from "../errors/validate-options.js";
import type { BaseEvent } from "../events/outbox-event.js";
import { joinSignals } from "../internal/join-signals.js";
import { type Outcome, outcome } from "../pipeline/outcome.js";
import type { Step, StepContext } from "../pipeline/step.js";
import type { DistributedLock, HeldLock } from "../protocols/distributed-lock.js";
import { createEventLocks } from "./event-locks.js";
import { createKeyQueue, type KeyQueue } from "./key-queue.js";

/** Options of {@link exclusive}. */
export interface ExclusiveOptions<E extends BaseEvent> {
  readonly lock: DistributedLock;
  /** Events with the same key are worked on one at a time; 1 to 255 characters. `null`: the event needs no lock. */
  readonly key: (event: E) => string | null;
  /** How long the lock outlives its holder; default 10,000 ms. It is extended while the work lasts. */
  readonly ttlMs?: number | undefined;
  /** How long an event waits in its turn for others of its key, in this process and elsewhere, before it is put off; default 1,000 ms. */
  readonly waitMs?: number | undefined;
  /** For how long an event is put off that has waited in vain: half of it to all of it, at random; default 1,000 ms. */
  readonly pauseMs?: number | undefined;
  /** When nobody can say who holds the lock: `defer` (default) puts the event off, `proceed` works on it without the lock. */
  readonly onUnavailable?: "defer" | "proceed" | undefined;
}

const exclusiveOptions = z.strictObject({
  lock: objectWith<DistributedLock>("a distributed lock", "acquire", "withLock"),
  key: functionOption<(event: never) => string | null>("(event) => string | null"),
  ttlMs: milliseconds(limits.lockTtlMinMs).default(defaults.lockTtlMs),
  waitMs: milliseconds(0).default(defaults.lockedEventWaitMs),
  pauseMs: milliseconds(1).default(defaults.lockedEventPauseMs),
  onUnavailable: z.enum(["defer", "proceed"]).default("defer"),
});

/**
 * A step that works on events of one key one at a time, over all processes that use the lock.
 *
 * An event that waits in vain, because another one of its key is at work here or in another process, is put off without an attempt. So
 * is each one while the lock's store does not answer, unless `onUnavailable` says otherwise; then one event at a time asks again. The
 * order of a key stays as the fetch strategy keeps it. When the lock is lost the handler's `signal` is aborted with LOCK.LOST, and what it
 * wrote is rolled back; no attempt is spent.
 *
 * It saves work and keeps others from being disturbed, and guarantees nothing: a lock may be lost without its holder's knowing. What
 * must not happen twice is the inbox's matter.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function exclusive<E extends BaseEvent>(options: ExclusiveOptions<E>): Step<E> {
  const valid = validateOptions("exclusive", exclusiveOptions, options);
  const { lock, ttlMs, waitMs, pauseMs, onUnavailable } = valid;
  const { key: keyOf } = options;
  const locks = createEventLocks(lock);
  let queue: KeyQueue | null = null;

  const putOff = (reason: string, atLeastMs = 0): Outcome => ({
    kind: "release",
    reason,
    delayMs: Math.ceil(Math.max(atLeastMs, pauseMs * (0.5 + Math.random() / 2))),
  });

  return async function exclusive(event, context, next) {
    const key = keyOf(event);
    if (key === null) return next();
    queue ??= createKeyQueue(context.clock);
    const ended = joinSignals(context.signal, context.leaseLost(event));

    async function work(key: string, leftMs: number): Promise<Outcome> {
      const held = await locks.acquire(key, { ttlMs, waitMs: leftMs, signal: ended.signal }, context);
      if (held === "unavailable") {
        return onUnavailable === "proceed" ? next() : putOff("the store of its lock does not answer", locks.pauseMs());
      }
      return held === null ? notItsTurn("another process holds its lock") : workUnder(held, context, next);
    }

    const notItsTurn = (reason: string) =>
      ended.signal.aborted ? outcome.release("the worker is stopping, or lost the event") : putOff(reason);

    try {
      const result = await queue.run(key, waitMs, ended.signal, (leftMs) => work(key, leftMs).catch(outcome.ofError));
      return result ?? notItsTurn("another event of its key is at work");
    } finally {
      ended.release();
    }
  };
}

/** Runs the rest of the pipeline in a context that also ends with the lock. */
async function workUnder<E extends BaseEvent>(
  held: HeldLock,
  context: StepContext,
  next: Parameters<Step<E>>[2],
): Promise<Outcome> {
  const releases: (() => void)[] = [];
  const leaseLost = (event: BaseEvent) => {
    const { signal, release } = joinSignals(context.leaseLost(event), held.signal);
    releases.push(release);
    return signal;
  };
  try {
    return await next({ ...context, leaseLost });
  } finally {
    for (const release of releases) release();
    void held.release();
  }
}
