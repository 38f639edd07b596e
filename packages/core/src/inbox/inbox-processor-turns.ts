import { defaults } from "../defaults.js";
import { describeFailure } from "../errors/describe-failure.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import type { InboxEvent } from "../events/inbox-event.js";
import { withinTime } from "../internal/within-time.js";
import { type Outcome, outcome } from "../pipeline/outcome.js";
import type { Step, StepContext } from "../pipeline/step.js";
import type { InboxEventRepository } from "../protocols/inbox-event-repository.js";
import { fullJitterBackoffMs } from "../resilience/backoff.js";
import type { RetryDecisions } from "../resilience/retry-decisions.js";
import { fenceOfEvent } from "./fence-of-event.js";
import type { HandlerSlots } from "./handler-slots.js";
import { type HandlingGate, isStoreOutage } from "./inbox-processor-outage.js";

/** What the step works with. */
export interface InboxTurnsParts {
  readonly repository: Pick<InboxEventRepository<never>, "recordStarted">;
  readonly slots: HandlerSlots;
  /** Whether the event's start was counted when it was claimed. */
  readonly isStartCounted: (event: InboxEvent) => boolean;
  readonly gate: HandlingGate;
  readonly retry: RetryDecisions;
  readonly handlerTimeoutMs: number;
}

/** Whether the event may have killed a process that worked on it. */
export function isSuspect({ startedAttempts }: InboxEvent): boolean {
  return startedAttempts > 0;
}

/**
 * The processor's outermost step: lets each event wait for its turn, and suspects for a lone one.
 *
 * A lone start is committed before the work begins, so that a start without an outcome is counted whatever happens then. One
 * that came to an outcome has killed nobody: it is taken back while the turn lasts, since the outcome may be written only after
 * the next suspect of the batch, which may be the one that kills.
 */
export function inboxTurns(parts: InboxTurnsParts): Step<InboxEvent> {
  const { repository, slots, isStartCounted, gate, retry } = parts;
  // Preparation and handler are bounded by themselves; as much again is left to the application's steps.
  const workTimeoutMs = 3 * parts.handlerTimeoutMs + defaults.transactionMarginMs;

  async function work(context: StepContext, next: () => Promise<Outcome>): Promise<Outcome> {
    // A step that never answers must keep neither its turn nor, with the heartbeat, its lease for ever.
    const inTime = withinTime(next(), context.clock, workTimeoutMs, () => timedOut(workTimeoutMs));
    const result = await inTime.catch(outcome.ofError);
    // Once in a while is enough for what was not done: it would come round and round.
    return result.kind === "release" && !context.signal.aborted ? { delayMs: defaults.retryBaseMs, ...result } : result;
  }

  async function workAlone(event: InboxEvent, context: StepContext, next: () => Promise<Outcome>): Promise<Outcome> {
    const { id, seq, startedAttempts } = event;
    const { logger } = context;
    if (isStartCounted(event)) return work(context, next);
    if (!context.fence) return outcome.release("it is not held under a lease");
    const fence = fenceOfEvent(context.fence, event);
    try {
      const { missing } = await repository.recordStarted(fence, { id, seq }, startedAttempts + 1);
      if (missing.length > 0) return leaseLost();
    } catch (error) {
      if (!isStoreOutage(error)) return outcome.ofError(error);
      gate.failed(event, error);
      // Behind what is due now, so that the next probe may be another event.
      return { kind: "release", reason: "its start could not be counted", delayMs: defaults.pollMinMs };
    }
    const result = await work(context, next);
    if (result.kind === "completed" && result.isRecorded) return result;
    try {
      await repository.recordStarted(fence, { id, seq }, startedAttempts);
    } catch (error) {
      // The outcome, which is written next, says the same; only a death before that would count the start.
      logger.debug({ eventId: id, error: describeFailure(error) }, "a lone start could not be taken back");
    }
    return result;
  }

  return async function inboxTurns(event, context, next) {
    if (event.startedAttempts > defaults.loneStartsMax) return outcome.failed(crashed(event));
    if (context.signal.aborted) return stopping();
    const leave = await slots.enter(isSuspect(event));
    if (leave === null) return stopping();
    try {
      if (context.signal.aborted) return stopping();
      if (context.leaseLost(event).aborted || context.leaseRemainingMs(event) <= 0) return leaseLost();
      if (!gate.admit()) return outcome.release("the database does not answer");
      const result = isSuspect(event) ? await workAlone(event, context, next) : await work(context, next);
      // An outage has a gate of its own.
      return gate.observe(event, result) ? result : putOff(result, event, retry);
    } finally {
      leave();
    }
  };
}

function stopping(): Outcome {
  return outcome.release("the worker is stopping");
}

function leaseLost(): Outcome {
  return outcome.release("the lease was lost before the work began");
}

function timedOut(timeoutMs: number): OmniBoxError {
  return new OmniBoxError("INBOX.HANDLER_TIMEOUT", `the steps around the handler took longer than ${timeoutMs} ms`);
}

function crashed({ id, startedAttempts }: InboxEvent): OmniBoxError {
  const starts = startedAttempts - 1;
  return new OmniBoxError(
    "INBOX.CRASHED",
    `the process of event ${id} has ended without an outcome in each of ${starts} lone starts: the event probably kills ` +
      "it. Find out why before it is requeued",
    { meta: { id, starts } },
  );
}

/** Gives deferred events a pause, so that they do not come round and round. */
function putOff(given: Outcome, event: InboxEvent, retry: RetryDecisions): Outcome {
  if (given.kind !== "defer" || typeof given.delayMs === "number") return given;
  if (given.failure.code === "STORE.CONFLICT") {
    // How many collisions there were before is not known here, so that this is a little more than after a first one.
    return {
      ...given,
      delayMs: defaults.conflictBaseMs + fullJitterBackoffMs(3, defaults.conflictBaseMs, defaults.conflictMaxMs),
    };
  }
  const backoffMs = retry.delayMs({ event, failure: given.failure }) ?? 0;
  return { ...given, delayMs: defaults.retryBaseMs + (Number.isFinite(backoffMs) ? backoffMs : 0) };
}
