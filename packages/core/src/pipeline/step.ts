import type { BaseEvent } from "../events/outbox-event.js";
import type { Clock } from "../protocols/clock.js";
import type { Fence } from "../protocols/fence.js";
import type { Logger } from "../protocols/logger.js";
import type { Outcome } from "./outcome.js";

/** What steps and handlers know besides the event; one per batch. */
export interface StepContext {
  readonly workerId: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Aborted when the worker is stopping: begin nothing new. */
  readonly signal: AbortSignal;
  /** What the events of the batch are held under; `null` for a message that is handled before it is stored. */
  readonly fence: Fence | null;
  /** How much of the event's lease is left, counted from before it was requested; zero or less when it has run out. Infinite without a fence. */
  leaseRemainingMs(event: BaseEvent): number;
  /** Aborted when the lease of this event is lost, or nobody waits for its outcome any more: someone else may have it now. */
  leaseLost(event: BaseEvent): AbortSignal;
  /** Whether the event is given up if this is its outcome: it is failed, or a retry after the event's last attempt. */
  isGivenUp(event: BaseEvent, outcome: Outcome): boolean;
}

/**
 * A middleware around the handling of one event. What follows runs in the asynchronous context in which `next` was called, handlers too.
 *
 * `next` runs the rest of the pipeline; it never rejects, and may be called once. It may be given another context for the rest, such as
 * one whose `leaseLost` is aborted by more than the lease. A step may answer without calling it. What a step throws becomes the
 * outcome of the error's failure class.
 */
export type Step<E extends BaseEvent> = (
  event: E,
  context: StepContext,
  next: (context?: StepContext) => Promise<Outcome>,
) => Promise<Outcome>;

/** The innermost part of a pipeline: does the work. */
export interface EventHandler<E extends BaseEvent> {
  /** Its name in error messages. */
  readonly name: string;
  /** How much of its lease an event needs when its work begins. */
  readonly requiredLeaseMs: number;
  /** Does the work for one event; what it throws becomes the outcome of the error's failure class. */
  handle(event: E, context: StepContext): Promise<Outcome>;
}
