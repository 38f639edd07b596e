import { describeFailure, type FailureDescription } from "../errors/describe-failure.js";
import { createPause } from "../internal/pause.js";
import type { Clock } from "../protocols/clock.js";
import type { Logger } from "../protocols/logger.js";

/** What runs, and when. */
export interface ScheduleParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly firstPauseMs: number;
  /** Does one run and says how long to pause after it. */
  readonly run: (stopping: AbortSignal) => Promise<number>;
}

/** The life of a worker that runs from time to time, from `start()` to `stop()`. */
export interface MaintenanceSchedule {
  /** Why it has ended by itself, which it never should; `null` while it runs. */
  readonly crash: FailureDescription | null;
  /** Time since something moved in a run; zero in a pause. */
  readonly withoutProgressMs: () => number;
  /** Something has moved. */
  readonly progressed: () => void;
  /** @returns whether the run in work has ended in time */
  readonly end: (timeoutMs: number) => Promise<boolean>;
}

/** Begins to run from time to time. */
export function openSchedule({ clock, logger, firstPauseMs, run }: ScheduleParts): MaintenanceSchedule {
  const pause = createPause(clock);
  const stopping = new AbortController();
  let expectedBy = clock.monotonicMs();
  let crash: FailureDescription | null = null;
  const expectWithin = (ms: number) => {
    expectedBy = clock.monotonicMs() + ms;
  };

  async function loop(): Promise<void> {
    let pauseMs = firstPauseMs;
    while (!stopping.signal.aborted) {
      expectWithin(pauseMs);
      await pause.wait(pauseMs);
      if (stopping.signal.aborted) return;
      expectWithin(0);
      pauseMs = await run(stopping.signal);
    }
  }

  const running = loop().catch((error: unknown) => {
    crash = describeFailure(error);
    logger.error({ code: crash.code }, `the maintenance's loop has ended by itself: ${crash.message}`);
  });
  return {
    get crash() {
      return crash;
    },
    withoutProgressMs: () => Math.max(0, clock.monotonicMs() - expectedBy),
    progressed: () => expectWithin(0),
    async end(timeoutMs) {
      stopping.abort();
      pause.wake();
      const timeUp = createPause(clock);
      const isOver = await Promise.race([running.then(() => true), timeUp.wait(timeoutMs).then(() => false)]);
      timeUp.wake();
      return isOver;
    },
  };
}
