import { classifyFailure } from "../errors/classify-failure.js";
import { describeFailure, type FailureDescription } from "../errors/describe-failure.js";
import { isOmniBoxError } from "../errors/omni-box-error.js";

/** What became of one event in one cycle. Every claimed event gets exactly one. */
export type Outcome =
  /** Done. `isRecorded`: the store knows it already, because it was committed together with the work. */
  | { readonly kind: "completed"; readonly reason: string | null; readonly isRecorded?: true }
  /** This attempt failed and is counted; again after `delayMs`, or after the retry policy's backoff if it is `null`. */
  | { readonly kind: "retry"; readonly failure: FailureDescription; readonly delayMs: number | null }
  /** Something around the event failed (an outage), or it has to wait; nothing is counted. `delayMs` `null`: as the processor sees fit. */
  | { readonly kind: "defer"; readonly failure: FailureDescription; readonly delayMs: number | null }
  /** Given up. */
  | { readonly kind: "failed"; readonly failure: FailureDescription }
  /** Not worked on after all; nothing is counted. Again at once, or after `delayMs`. */
  | { readonly kind: "release"; readonly reason: string; readonly delayMs?: number };

/** The possible kinds of {@link Outcome}. */
export type OutcomeKind = Outcome["kind"];

/** Makes outcomes, for steps and handlers. Errors are sanitised here, so that they can be stored and logged. */
export const outcome = Object.freeze({
  completed: (reason: string | null = null): Outcome => ({ kind: "completed", reason }),
  /** Completed, and recorded in the transaction that did the work. */
  committed: (reason: string | null = null): Outcome => ({ kind: "completed", reason, isRecorded: true }),
  retry: (error: unknown, delayMs: number | null = null): Outcome => ({
    kind: "retry",
    failure: describeFailure(error),
    delayMs,
  }),
  defer: (error: unknown, delayMs: number | null = null): Outcome => ({
    kind: "defer",
    failure: describeFailure(error),
    delayMs,
  }),
  failed: (error: unknown): Outcome => ({ kind: "failed", failure: describeFailure(error) }),
  release: (reason: string): Outcome => ({ kind: "release", reason }),

  /** What an error that was thrown means: the outcome of its failure class. */
  ofError(error: unknown): Outcome {
    if (isOmniBoxError(error, "BROKER.NOT_PERMITTED")) return outcome.release(error.message);
    switch (classifyFailure(error)) {
      case "transient":
        return outcome.defer(error);
      case "retryable":
        return outcome.retry(error);
      case "permanent":
        return outcome.failed(error);
    }
  },
});
