import { z } from "zod";
import { limits } from "../defaults.js";
import { describeFailure, type FailureDescription } from "../errors/describe-failure.js";
import { functionOption } from "../errors/validate-options.js";
import type { BaseEvent } from "../events/outbox-event.js";
import type { EventRef } from "../protocols/event-repository.js";
import type { Logger } from "../protocols/logger.js";
import type { CommitReport } from "./commit-strategy.js";
import type { EventResult } from "./decide-rows.js";

/** A counted failure that has been recorded. */
export interface FailureNotice<E extends BaseEvent> {
  readonly id: string;
  /** As it was worked on; `null` for one that is failed unread, because it has killed its process each time before. */
  readonly event: E | null;
  readonly failure: FailureDescription;
}

/** What a worker tells the application of failures. */
export interface FailureCallbacks<E extends BaseEvent> {
  /**
   * Called when an event has failed for good, after that is recorded.
   *
   * At most once by one worker for each time that an event fails; not at all if the process dies
   * between the record and the call. So it is for alarms. It is not waited for, also not by `stop()`, and what it throws or
   * rejects with is logged once and changes nothing.
   */
  readonly onFailed?: ((notice: FailureNotice<E>) => unknown) | undefined;
  /** Called when the failure number `at` of an event is recorded, from 1, whether or not it is its last; otherwise like `onFailed`. */
  readonly onAttempts?: { readonly at: number; readonly call: (notice: FailureNotice<E>) => unknown } | undefined;
}

/** The checked form of {@link FailureCallbacks} among the options of a worker. */
export function failureCallbackOptions<E extends BaseEvent>() {
  const callback = functionOption<(notice: FailureNotice<E>) => unknown>("(notice)");
  const at = z.int().min(1).max(limits.maxAttemptsMax);
  return { onFailed: callback.optional(), onAttempts: z.strictObject({ at, call: callback }).optional() };
}

/** Tells the application of failures. */
export interface FailureNotices<E extends BaseEvent> {
  /** The failures of a batch, as far as they are recorded. */
  settled(results: readonly EventResult<E>[], report: CommitReport): void;
  /** One failure, the number `attempt` of its event. */
  tell(notice: FailureNotice<E>, attempt: number, hasFailed: boolean): void;
}

export function createFailureNotices<E extends BaseEvent>(
  { onFailed, onAttempts }: FailureCallbacks<E>,
  logger: Logger,
): FailureNotices<E> {
  const faulty = new Set<string>();

  function call(name: string, callback: (notice: FailureNotice<E>) => unknown, notice: FailureNotice<E>): void {
    // From within a promise, so that what it throws at once and what it rejects with are one.
    void Promise.resolve()
      .then(() => callback(notice))
      .catch((error: unknown) => {
        if (!faulty.has(name)) logger.error({ ...describeFailure(error) }, `${name} throws; it is called on`);
        faulty.add(name);
      });
  }

  function tell(notice: FailureNotice<E>, attempt: number, hasFailed: boolean): void {
    if (onAttempts?.at === attempt) call("onAttempts", onAttempts.call, notice);
    if (hasFailed && onFailed !== undefined) call("onFailed", onFailed, notice);
  }

  return {
    settled(results, { lost, unrecorded }) {
      if (onFailed === undefined && onAttempts === undefined) return;
      const notWritten = new Set([...lost, ...unrecorded].map(({ seq }: EventRef) => seq));
      for (const { event, outcome } of results) {
        if ((outcome.kind !== "retry" && outcome.kind !== "failed") || notWritten.has(event.seq)) continue;
        tell({ id: event.id, event, failure: outcome.failure }, event.attemptsMade + 1, outcome.kind === "failed");
      }
    },
    tell,
  };
}
