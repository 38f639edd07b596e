import { describeFailure } from "../errors/describe-failure.js";
import { silentAbort } from "../internal/silent-abort.js";
import type { DistributedLock, HeldLock } from "../protocols/distributed-lock.js";
import type { Logger } from "../protocols/logger.js";
import { createOutageGate } from "../resilience/outage-gate.js";

/** The right to do the maintenance, as far as it can be known. */
export interface Turn {
  /** Aborted when another instance may have it. */
  readonly signal: AbortSignal;
}

/** Decides which of several instances does the maintenance: the one that has the lock keeps it until it stops, fails or dies. */
export interface TurnKeeper {
  /** `null`: another instance has it. Never rejects: without an answer the work is done, since doing it twice does no harm. */
  take(): Promise<Turn | null>;
  /** Lets another instance have it. Never rejects. */
  giveUp(): Promise<void>;
}

/** `lock` `undefined`: every instance has its turn. */
export function createTurnKeeper(lock: DistributedLock | undefined, key: string, logger: Logger): TurnKeeper {
  const gate = createOutageGate("the lock of the maintenance", logger);
  const withoutLock: Turn = { signal: silentAbort };
  let held: HeldLock | null = null;
  return {
    async take() {
      if (lock === undefined) return withoutLock;
      if (held !== null && !held.signal.aborted) return held;
      try {
        held = await lock.acquire(key);
        gate.succeeded();
        return held;
      } catch (error) {
        held = null;
        gate.failed(describeFailure(error));
        return withoutLock;
      }
    },
    async giveUp() {
      const given = held;
      held = null;
      try {
        await given?.release();
      } catch (error) {
        // A lock of the application's own may reject after all; it runs out.
        logger.warn({ ...describeFailure(error) }, "the lock of the maintenance could not be released");
      }
    },
  };
}
