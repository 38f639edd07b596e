import type { FailureDescription } from "../errors/describe-failure.js";
import type { Logger } from "../protocols/logger.js";
import { outageBackoffMs } from "./backoff.js";

/** Remembers whether something outside can be reached, and how long to wait before it is tried again. */
export interface OutageGate {
  readonly isOpen: boolean;
  /** The failure that opened the gate, or kept it open last; `null` while it is closed. */
  readonly failure: FailureDescription | null;
  /** Wait this long before the next try; 0 while the gate is closed. */
  delayMs(): number;
  /** Reports a try that failed. `task`: what was tried; the gate stays open until each task that failed has succeeded. */
  failed(failure: FailureDescription, task?: unknown): void;
  /** Reports a try that succeeded. */
  succeeded(task?: unknown): void;
}

/** How a gate is spoken of in the log. */
export interface OutageWords {
  /** Completes "the broker …". */
  readonly down: string;
  readonly up: string;
}

const noAnswer: OutageWords = Object.freeze({ down: "does not answer", up: "answers again" });

/**
 * Creates a closed gate. It logs once when it opens and once when it closes, however many tries fail between.
 *
 * @param what - "the broker" or "the database", for the log
 */
export function createOutageGate(what: string, logger: Logger, words: OutageWords = noAnswer): OutageGate {
  const failing = new Map<unknown, FailureDescription>();
  let failures = 0;
  let delayMs = 0;
  return {
    get isOpen() {
      return failing.size > 0;
    },
    get failure() {
      return [...failing.values()].at(-1) ?? null;
    },
    delayMs: () => delayMs,
    failed(failure, task) {
      if (failing.size === 0)
        logger.warn({ code: failure.code }, `${what} ${words.down}, trying on: ${failure.message}`);
      failing.set(task, failure);
      failures += 1;
      delayMs = outageBackoffMs(failures);
    },
    succeeded(task) {
      if (!failing.delete(task) || failing.size > 0) return;
      logger.warn({ failedTries: failures }, `${what} ${words.up}`);
      failures = 0;
      delayMs = 0;
    },
  };
}
