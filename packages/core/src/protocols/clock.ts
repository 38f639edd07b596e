/** Cancels a scheduled call; calling it again, or after the call ran, does nothing. */
export type CancelTimer = () => void;

/** The source of time for everything in omni-box that waits or measures. */
export interface Clock {
  /** Wall-clock time in milliseconds since the Unix epoch. May step back. */
  now(): number;
  /** Milliseconds that never run backwards. May stand still while the machine is suspended. */
  monotonicMs(): number;
  /** Calls `run` once after `delayMs`. A pending timer keeps the process alive. */
  schedule(delayMs: number, run: () => void): CancelTimer;
}

/** The machine's own clock. */
export const systemClock: Clock = Object.freeze({
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  schedule(delayMs: number, run: () => void): CancelTimer {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
});
