import { z } from "zod";
import { defaults, limits } from "../defaults.js";
import { describeFailure } from "../errors/describe-failure.js";
import { isOmniBoxError } from "../errors/omni-box-error.js";
import { functionOption, milliseconds, objectWith, validateOptions } from "../errors/validate-options.js";
import type { BaseEvent } from "../events/outbox-event.js";
import { joinSignals } from "../internal/join-signals.js";
import { type Outcome, outcome } from "../pipeline/outcome.js";
import type { Step, StepContext } from "../pipeline/step.js";
import type { DistributedLock, HeldLock } from "../protocols/distributed-lock.js";
import { createOutageGate, type OutageGate } from "../resilience/outage-gate.js";
import { settledOrAborted } from "./settled-or-aborted.js";

/** Options of {@link exclusive}. */
export interface ExclusiveOptions<E extends BaseEvent> {
  readonly lock: DistributedLock;
  /** Events with the same key are worked on one at a time; 1 to 255 characters. `null`: the event needs no lock. */
  readonly key: (event: E) => string | null;
  /** How long the lock outlives its holder; default 10,000 ms. It is extended while the work lasts. */
  readonly ttlMs?: number | undefined;
  /** How long an event waits for another process, in its turn, before it is put off; default 0 ms. */
  readonly waitMs?: number | undefined;
  /** For how long an event is put off whose lock somebody else holds: half of it to all of it, at random; default 1,000 ms. */
  readonly pauseMs?: number | undefined;
  /** When nobody can say who holds the lock: `defer` (default) puts the event off, `proceed` works on it without the lock. */
  readonly onUnavailable?: "defer" | "proceed" | undefined;
}

const exclusiveOptions = z.strictObject({
  lock: objectWith<DistributedLock>("a distributed lock", "acquire", "withLock"),
  key: functionOption<(event: never) => string | null>("(event) => string | null"),
  ttlMs: milliseconds(limits.lockTtlMinMs).default(defaults.lockTtlMs),
  waitMs: milliseconds(0).default(0),
  pauseMs: milliseconds(1).default(defaults.lockedEventPauseMs),
  onUnavailable: z.enum(["defer", "proceed"]).default("defer"),
});

/**
 * A step that works on events of one key one at a time, over all processes that use the lock.
 *
 * Events of a key wait for one another within the process. One whose lock another process holds is put off without an attempt, and so
 * is each one while the lock's store does not answer, unless `onUnavailable` says otherwise; then one event at a time asks again.
 * The order of a key stays as the fetch strategy keeps it. When the lock is lost the handler's `signal` is aborted with LOCK.LOST, and what it wrote is
 * rolled back; no attempt is spent.
 *
 * It saves work and keeps others from being disturbed, and guarantees nothing: a lock may be lost without its holder's knowing. What
 * must not happen twice is the inbox's matter. Not with `ack: "atMostOnce"`, where a message that is put off is lost.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function exclusive<E extends BaseEvent>(options: ExclusiveOptions<E>): Step<E> {
  const valid = validateOptions("exclusive", exclusiveOptions, options);
  const { lock, ttlMs, waitMs, pauseMs, onUnavailable } = valid;
  const { key: keyOf } = options;
  const atWork = new Map<string, Promise<Outcome>>();
  let gate: OutageGate | null = null;
  let askAgainAtMs = 0;

  const putOff = (reason: string, atLeastMs = 0): Outcome => ({
    kind: "release",
    reason,
    delayMs: Math.ceil(Math.max(atLeastMs, pauseMs * (0.5 + Math.random() / 2))),
  });

  /** @returns `"unavailable"` when nobody can say who holds it */
  async function acquire(
    key: string,
    { clock, logger, signal }: StepContext,
  ): Promise<HeldLock | null | "unavailable"> {
    gate ??= createOutageGate("the store of the locks", logger);
    // One event at a time asks whether it answers again.
    const isProbe = gate.isOpen;
    if (isProbe && clock.monotonicMs() < askAgainAtMs) return "unavailable";
    askAgainAtMs = clock.monotonicMs() + defaults.outageMaxMs;
    try {
      const held = await lock.acquire(key, { ttlMs, waitMs, signal });
      gate.succeeded();
      return held;
    } catch (error) {
      if (!isOmniBoxError(error, "LOCK.UNAVAILABLE")) throw error;
      // One outage is one failed try, however many events it meets at once.
      if (isProbe || !gate.isOpen) gate.failed(describeFailure(error));
      askAgainAtMs = clock.monotonicMs() + gate.delayMs();
      return "unavailable";
    }
  }

  async function workUnder(held: HeldLock, context: StepContext, next: Parameters<Step<E>>[2]): Promise<Outcome> {
    const joined: (() => void)[] = [];
    const leaseLost = (event: BaseEvent) => {
      const { signal, release } = joinSignals(context.leaseLost(event), held.signal);
      joined.push(release);
      return signal;
    };
    try {
      return await next({ ...context, leaseLost });
    } finally {
      for (const release of joined) release();
      void held.release();
    }
  }

  async function work(key: string, context: StepContext, next: Parameters<Step<E>>[2]): Promise<Outcome> {
    const held = await acquire(key, context);
    if (held === "unavailable") {
      return onUnavailable === "proceed" ? next() : putOff("the store of its lock does not answer", gate?.delayMs());
    }
    if (held !== null) return workUnder(held, context, next);
    return context.signal.aborted
      ? outcome.release("the worker is stopping")
      : putOff("another process holds its lock");
  }

  return async function exclusive(event, context, next) {
    const key = keyOf(event);
    if (key === null) return next();
    for (let ahead = atWork.get(key); ahead !== undefined; ahead = atWork.get(key)) {
      if ((await settledOrAborted(ahead, context.signal, context.leaseLost(event))) === "aborted")
        return outcome.release("it waited for its lock, and the worker is stopping or lost the event");
    }
    const working = work(key, context, next).catch(outcome.ofError);
    atWork.set(key, working);
    try {
      return await working;
    } finally {
      atWork.delete(key);
    }
  };
}
