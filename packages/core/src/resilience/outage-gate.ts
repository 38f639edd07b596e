import { defaults } from "../defaults.js";
import type { FailureDescription } from "../errors/describe-failure.js";
import type { Logger } from "../protocols/logger.js";
import { fullJitterBackoffMs } from "./backoff.js";

/** Remembers whether something outside can be reached, and how long to wait before it is tried again. */
export interface OutageGate {
  readonly isOpen: boolean;
  /** The failure that opened the gate, or kept it open last; `null` while it is closed. */
  readonly failure: FailureDescription | null;
  /** Wait this long before the next try; 0 while the gate is closed. */
  delayMs(): number;
  /** Reports a try that failed. */
  failed(failure: FailureDescription): void;
  /** Reports a try that succeeded. */
  succeeded(): void;
}

/**
 * Creates a closed gate. It logs once when it opens and once when it closes, however many tries fail between.
 *
 * @param what - "the broker" or "the database", for the log
 */
export function createOutageGate(what: string, logger: Logger): OutageGate {
  let failures = 0;
  let failure: FailureDescription | null = null;
  let delayMs = 0;
  return {
    get isOpen() {
      return failures > 0;
    },
    get failure() {
      return failure;
    },
    delayMs: () => delayMs,
    failed(given) {
      failures += 1;
      failure = given;
      // Never less than a tenth of the ceiling: full jitter alone may draw a row of zeros and hammer what is down.
      const ceiling = Math.min(defaults.outageMaxMs, defaults.outageBaseMs * 2 ** Math.min(failures - 1, 16));
      delayMs = Math.max(ceiling / 10, fullJitterBackoffMs(failures, defaults.outageBaseMs, defaults.outageMaxMs));
      if (failures === 1) logger.warn({ code: given.code }, `${what} does not answer, trying on: ${given.message}`);
    },
    succeeded() {
      if (failures > 0) logger.warn({ failedTries: failures }, `${what} answers again`);
      failures = 0;
      failure = null;
      delayMs = 0;
    },
  };
}
