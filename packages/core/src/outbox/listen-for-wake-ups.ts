import { defaults } from "../defaults.js";
import { describeFailure } from "../errors/describe-failure.js";
import { withinTime } from "../internal/within-time.js";
import type { Clock } from "../protocols/clock.js";
import type { Logger } from "../protocols/logger.js";
import type { StopListening, WakeUp } from "../protocols/wake-up.js";

/** What listening takes. */
export interface WakeUpListening {
  readonly wakeUp: WakeUp | undefined;
  readonly onWake: () => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Begins to listen, and keeps whatever a wake-up does wrong away from its worker: without it, events wait for the next poll. */
export function listenForWakeUps({ wakeUp, onWake, clock, logger }: WakeUpListening): StopListening {
  const warn = (error: unknown, what: string) => logger.warn({ ...describeFailure(error) }, what);
  let stop: StopListening | undefined;
  try {
    stop = wakeUp?.listen(onWake);
  } catch (error) {
    warn(error, "the wake-up cannot listen; events wait for the next poll");
  }
  return async () => {
    try {
      const stopped = stop?.();
      if (stopped === undefined) return;
      await withinTime(stopped, clock, defaults.stopRecordMs, () => new Error("no answer to the end of listening"));
    } catch (error) {
      warn(error, "the wake-up could not be stopped");
    }
  };
}
