import { type Clock, systemClock } from "@omni-box/core";

/** The machine's clock with a wall clock that can be set. Its timers and its monotonic time are the machine's. */
export interface JumpingClock extends Clock {
  /** Sets the wall clock this far ahead of the machine's, or behind it. */
  setAhead(ms: number): void;
}

export function createJumpingClock(): JumpingClock {
  let aheadMs = 0;
  return {
    now: () => systemClock.now() + aheadMs,
    monotonicMs: () => systemClock.monotonicMs(),
    schedule: (delayMs, run) => systemClock.schedule(delayMs, run),
    setAhead(ms) {
      aheadMs = ms;
    },
  };
}
