import type { CancelTimer, Clock } from "../protocols/clock.js";

/** A clock that stands still until a test moves it. */
export interface ManualClock extends Clock {
  /**
   * Moves the time on by `ms`, running the timers that become due on the way, each at its own time and in order, and
   * letting promises settle after each one. Calls that overlap are carried out one after the other.
   *
   * @throws what a timer's function threw; the clock then stands at that timer.
   */
  advance(ms: number): Promise<void>;
  /** Moves only the wall clock, as an administrator or NTP would; `monotonicMs` and timers do not notice. */
  stepWallClock(byMs: number): void;
  /** Timers that are waiting. */
  readonly pendingTimers: number;
}

interface ManualTimer {
  readonly dueMs: number;
  readonly run: () => void;
}

/** Creates a clock for tests that starts at `startMs` since the Unix epoch; default 2026-01-01T00:00:00Z. */
export function createManualClock(startMs: number = Date.UTC(2026, 0, 1)): ManualClock {
  // A Set keeps the order of creation, which breaks ties between timers.
  const timers = new Set<ManualTimer>();
  let elapsedMs = 0;
  let wallStartMs = startMs;
  let lastAdvance: Promise<void> = Promise.resolve();

  function schedule(delayMs: number, run: () => void): CancelTimer {
    const timer: ManualTimer = { dueMs: elapsedMs + Math.max(0, delayMs), run };
    timers.add(timer);
    return () => void timers.delete(timer);
  }

  function nextDue(untilMs: number): ManualTimer | null {
    let earliest: ManualTimer | null = null;
    for (const timer of timers) {
      if (timer.dueMs <= untilMs && (earliest === null || timer.dueMs < earliest.dueMs)) earliest = timer;
    }
    return earliest;
  }

  async function advanceNow(ms: number): Promise<void> {
    // Lets code that is about to set a timer do so first.
    await settlePromises();
    const untilMs = elapsedMs + ms;
    for (let timer = nextDue(untilMs); timer !== null; timer = nextDue(untilMs)) {
      timers.delete(timer);
      elapsedMs = Math.max(elapsedMs, timer.dueMs);
      timer.run();
      await settlePromises();
    }
    elapsedMs = untilMs;
  }

  return Object.freeze({
    now: () => wallStartMs + elapsedMs,
    monotonicMs: () => elapsedMs,
    schedule,
    advance(ms: number): Promise<void> {
      const advancing = lastAdvance.then(() => advanceNow(ms));
      lastAdvance = advancing.catch(() => undefined);
      return advancing;
    },
    stepWallClock(byMs: number): void {
      wallStartMs += byMs;
    },
    get pendingTimers() {
      return timers.size;
    },
  });
}

/** A macrotask later, every chain of already resolved promises has run to its end. */
function settlePromises(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
