import { type Clock, systemClock } from "@omni-box/core";

/** The machine's clock with a wall clock that can be moved on; timers run in real time. */
export interface ShiftedClock extends Clock {
  shift(ms: number): void;
}

export function createShiftedClock(): ShiftedClock {
  let shiftedByMs = 0;
  return {
    ...systemClock,
    now: () => systemClock.now() + shiftedByMs,
    shift(ms) {
      shiftedByMs += ms;
    },
  };
}
