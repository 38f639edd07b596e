import { describeFailure } from "../errors/describe-failure.js";
import type { Logger } from "../protocols/logger.js";
import type { MetricsRecorder } from "../protocols/metrics.js";

/** Counts for a worker's snapshot, and passes everything on to the application's recorder. */
export interface Tally<Counter extends string, Measurement extends string> {
  /** Whether there is a recorder: what only that wants to know need not be worked out without one. */
  readonly isRecorded: boolean;
  add(counter: Counter, value: number, eventType?: string): void;
  record(measurement: Measurement, value: number, eventType?: string): void;
  snapshot(): Readonly<Record<Counter, number>>;
}

/** @param beginning - every counter with what it begins at */
export function createTally<Counter extends string, Measurement extends string>(
  beginning: Readonly<Record<Counter, number>>,
  recorder: MetricsRecorder<Counter, Measurement> | undefined,
  logger: Logger,
): Tally<Counter, Measurement> {
  const totals: Record<Counter, number> = { ...beginning };
  let hasFailed = false;

  /** Calls the application's code, whose bugs must not end a worker. */
  function tell(call: () => void): void {
    try {
      call();
    } catch (error) {
      if (!hasFailed)
        logger.error({ ...describeFailure(error) }, "the metrics recorder throws; its numbers are incomplete");
      hasFailed = true;
    }
  }

  return {
    isRecorded: recorder !== undefined,
    add(counter, value, eventType) {
      if (value === 0) return;
      totals[counter] += value;
      if (recorder !== undefined) tell(() => recorder.add(counter, value, eventType));
    },
    record(measurement, value, eventType) {
      if (recorder !== undefined) tell(() => recorder.record(measurement, value, eventType));
    },
    snapshot: () => ({ ...totals }),
  };
}
