import { z } from "zod";
import { defaults } from "../defaults.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import { functionOption, milliseconds, validateOptions } from "../errors/validate-options.js";
import type { BaseEvent } from "../events/outbox-event.js";
import { type Outcome, outcome } from "../pipeline/outcome.js";
import type { Step } from "../pipeline/step.js";
import type { Clock } from "../protocols/clock.js";
import { createTokenBuckets } from "../resilience/token-buckets.js";
import { settledOrAborted } from "./settled-or-aborted.js";

/** Options of {@link rateLimit}. */
export interface RateLimitOptions<E extends BaseEvent> {
  /** Events per second in the long run, from 0.001 to 1,000,000; 0.5 is one in two seconds. */
  readonly perSecond: number;
  /** Events that may go at once after a quiet time, 1 to 1,000,000; default a tenth of `perSecond`, at least 1. */
  readonly burst?: number | undefined;
  /** A limit of its own for each key, such as `({ headers }) => headers.tenant ?? ""`; default: one for all events. */
  readonly key?: ((event: E) => string) | undefined;
  /** How long an event waits in the step for its turn; one whose turn is further away is deferred until then. Default 1,000 ms. */
  readonly maxWaitMs?: number | undefined;
}

const rateOptions = z.strictObject({
  perSecond: z.number().min(0.001).max(1_000_000),
  burst: z.int().min(1).max(1_000_000).optional(),
  key: functionOption<(event: never) => string>("(event) => string").optional(),
  maxWaitMs: milliseconds(0).default(defaults.rateMaxWaitMs),
});

/**
 * A step that lets events through at a limited rate: a token bucket, within this process.
 *
 * In any time of `t` seconds at most `burst + perSecond * t` events begin. An event waits for its turn if that is near, and is
 * deferred if it is not; neither spends an attempt. It never waits for longer than half of what is left of its lease, which
 * leaves the other half to the work; when the worker stops, or the lease is lost, it is released and its turn is lost.
 *
 * Where it stands among the steps decides what is counted: every event that comes to it, whatever becomes of it behind it.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function rateLimit<E extends BaseEvent>(options: RateLimitOptions<E>): Step<E> {
  const valid = validateOptions("rateLimit", rateOptions, options);
  const { perSecond, maxWaitMs, burst = Math.max(1, Math.floor(perSecond / 10)) } = valid;
  const { key: keyOf = () => "" } = options;
  const buckets = createTokenBuckets({ perSecond, burst, putOffMaxMs: defaults.ratePutOffMaxMs });

  return async function rateLimit(event, context, next) {
    const { clock, signal } = context;
    const lost = context.leaseLost(event);
    if (signal.aborted || lost.aborted) return notBegun();
    const patienceMs = Math.min(maxWaitMs, context.leaseRemainingMs(event) / 2);
    const turn = buckets.take(keyOf(event), clock.monotonicMs(), patienceMs);
    if (!turn.isTaken) return deferral(perSecond, turn.waitMs);
    if (turn.waitMs > 0 && (await waited(clock, turn.waitMs, signal, lost)) === "aborted") return notBegun();
    return next();
  };
}

/** A timer may ring early by a fraction of a millisecond, and a turn must not. */
async function waited(clock: Clock, waitMs: number, ...signals: readonly AbortSignal[]): Promise<"over" | "aborted"> {
  const untilMs = clock.monotonicMs() + waitMs;
  for (let leftMs = waitMs; leftMs > 0; leftMs = untilMs - clock.monotonicMs()) {
    let cancel: () => void = () => undefined;
    const over = new Promise<"over">((resolve) => {
      cancel = clock.schedule(Math.ceil(leftMs), () => resolve("over"));
    });
    const result = await settledOrAborted(over, ...signals);
    cancel();
    if (result === "aborted") return "aborted";
  }
  return "over";
}

function notBegun(): Outcome {
  return outcome.release("it waited for its turn under a rate limit, and the worker is stopping or lost the event");
}

function deferral(perSecond: number, waitMs: number): Outcome {
  const message = `more events than ${perSecond} in a second: it is put off until its turn`;
  return outcome.defer(new OmniBoxError("PIPELINE.RATE_LIMITED", message), Math.ceil(waitMs));
}
