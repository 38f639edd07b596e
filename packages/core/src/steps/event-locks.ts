import { defaults } from "../defaults.js";
import { describeFailure } from "../errors/describe-failure.js";
import { isOmniBoxError } from "../errors/omni-box-error.js";
import type { StepContext } from "../pipeline/step.js";
import type { DistributedLock, HeldLock, LockOptions } from "../protocols/distributed-lock.js";
import { createOutageGate, type OutageGate } from "../resilience/outage-gate.js";

/** Acquires locks for events, of which many may come while the store is away. */
export interface EventLocks {
  /** @returns `null` when another holds it in spite of the waiting; `"unavailable"` when nobody can say who does */
  acquire(key: string, options: LockOptions, context: StepContext): Promise<HeldLock | null | "unavailable">;
  /** How long to leave the store alone while it is away; 0 while it answers. */
  pauseMs(): number;
}

/** While the store is away one event at a time asks again, and two lines are logged of it: when it begins and when it ends. */
export function createEventLocks(lock: DistributedLock): EventLocks {
  let gate: OutageGate | null = null;
  let askAgainAtMs = 0;

  return {
    pauseMs: () => gate?.delayMs() ?? 0,
    async acquire(key, options, { clock, logger }) {
      gate ??= createOutageGate("the store of the locks", logger);
      const isProbe = gate.isOpen;
      if (isProbe && clock.monotonicMs() < askAgainAtMs) return "unavailable";
      // Until it has an answer.
      askAgainAtMs = clock.monotonicMs() + defaults.outageMaxMs;
      try {
        const held = await lock.acquire(key, options);
        gate.succeeded();
        return held;
      } catch (error) {
        if (!isOmniBoxError(error, "LOCK.UNAVAILABLE")) throw error;
        // One outage is one failed try, however many events it meets at once.
        if (isProbe || !gate.isOpen) gate.failed(describeFailure(error));
        askAgainAtMs = clock.monotonicMs() + gate.delayMs();
        return "unavailable";
      }
    },
  };
}
