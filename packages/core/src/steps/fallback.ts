import { z } from "zod";
import { defaults } from "../defaults.js";
import { describeFailure, type FailureDescription } from "../errors/describe-failure.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import { functionOption, milliseconds, validateOptions } from "../errors/validate-options.js";
import type { BaseEvent } from "../events/outbox-event.js";
import { withinTime } from "../internal/within-time.js";
import { type Outcome, outcome } from "../pipeline/outcome.js";
import type { Step, StepContext } from "../pipeline/step.js";
import type { Logger } from "../protocols/logger.js";

/** What a fallback gets besides the event. */
export interface FallbackContext {
  /** Why the event would be given up. */
  readonly failure: FailureDescription;
  /** Aborted when the fallback's time is over, or the event is lost to another worker. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

/** The application's other way to deal with an event. */
export type FallbackHandler<E extends BaseEvent> = (event: E, context: FallbackContext) => Promise<void> | void;

/** Options of {@link fallback}. */
export interface FallbackOptions {
  /** The longest time that the fallback may take; default 10,000 ms. */
  readonly timeoutMs?: number | undefined;
}

const fallbackOptions = z.strictObject({
  handler: functionOption<FallbackHandler<never>>("(event, { failure, signal, logger })"),
  timeoutMs: milliseconds(1).default(defaults.fallbackTimeoutMs),
});

/**
 * A step that gives the application a last word before an event is failed: when the rest of the pipeline has failed for good, it
 * calls `handler`, and the event is completed if that resolves.
 *
 * For good: the outcome is `failed`, or a retry after the event's last attempt. Put it first, so that it sees what the other steps
 * make of an outcome. If the handler throws or runs out of time, the event fails as it would have without it; a transient error
 * (`STORE.UNREACHABLE`, `LOCK.…`) defers the event instead, and all of it is done again.
 *
 * The handler runs outside of any transaction, at least once: a process that dies before the outcome is recorded does it again.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function fallback<E extends BaseEvent>(handler: FallbackHandler<E>, options: FallbackOptions = {}): Step<E> {
  const { timeoutMs } = validateOptions("fallback", fallbackOptions, { ...options, handler });

  async function callHandler(event: E, context: StepContext, failure: FailureDescription): Promise<void> {
    const { clock, logger } = context;
    const lost = context.leaseLost(event);
    const ending = new AbortController();
    const abort = () => ending.abort();
    lost.addEventListener("abort", abort, { once: true });
    try {
      const working = Promise.resolve(handler(event, { failure, signal: ending.signal, logger }));
      await withinTime(working, clock, timeoutMs, () => timedOut(timeoutMs));
    } finally {
      abort();
      lost.removeEventListener("abort", abort);
    }
  }

  return async function fallback(event, context, next) {
    const result = await next();
    if (result.kind === "completed" || result.kind === "release" || !context.isGivenUp(event, result)) return result;
    if (context.leaseLost(event).aborted || context.leaseRemainingMs(event) <= 0) return result;
    const { failure } = result;
    try {
      await callHandler(event, context, failure);
    } catch (error) {
      const meaning = outcome.ofError(error);
      if (meaning.kind === "defer") return meaning;
      const fields = { eventId: event.id, type: event.type, ...describeFailure(error) };
      context.logger.error(fields, "the fallback of an event has failed too");
      return result;
    }
    return completedBy(failure);
  };
}

function completedBy({ code }: FailureDescription): Outcome {
  return outcome.completed(`fallback after ${code}`);
}

function timedOut(timeoutMs: number): OmniBoxError {
  return new OmniBoxError("PIPELINE.FALLBACK_TIMEOUT", `the fallback took longer than ${timeoutMs} ms`);
}
