import { defaults, limits } from "../defaults.js";
import type { BaseEvent } from "../events/outbox-event.js";
import type { Outcome } from "../pipeline/outcome.js";
import type { CompletedRow, FailedRow, PendingRow } from "../protocols/event-repository.js";
import type { RetryDecisions } from "../resilience/retry-decisions.js";

/** The rows of a batch, by the statement that will record them. */
export interface DecidedRows {
  readonly completed: CompletedRow[];
  readonly pending: PendingRow[];
  readonly failed: FailedRow[];
}

/** What one event came to, after the retry policy was asked. */
export interface EventResult<E extends BaseEvent> {
  readonly event: E;
  /** A `retry` whose attempts are used up has become `failed`. */
  readonly outcome: Outcome;
}

/** What turns outcomes into rows. */
export interface DecisionRules {
  readonly retry: RetryDecisions;
  /** How long deferred events wait; `null`: they are due at once, for whichever worker can reach the broker. */
  readonly deferDelayMs: number | null;
  /** Events that are deferred or released stay with this worker, and nothing is written of them unless they were started alone. */
  readonly keepsInMemory: boolean;
}

/** Applies the retry policy to one outcome. Asked once for each: it goes by the time, too. */
export function finalOutcome(event: BaseEvent, given: Outcome, retry: RetryDecisions): Outcome {
  if (given.kind !== "retry" || !retry.givesUp({ event, failure: given.failure })) return given;
  return { kind: "failed", failure: given.failure };
}

/** Sorts the results of a batch into the rows that its outcome statements write. */
export function decideRows(results: readonly EventResult<BaseEvent>[], rules: DecisionRules): DecidedRows {
  const rows: DecidedRows = { completed: [], pending: [], failed: [] };
  for (const { event, outcome } of results) {
    const { id, seq, attemptsMade, startedAttempts } = event;
    // An event that is not old enough to be given up stays at its last attempt: no more fit into its row.
    const failures = Math.min(attemptsMade + 1, event.maxAttempts);
    switch (outcome.kind) {
      case "completed":
        if (!outcome.isRecorded) rows.completed.push({ id, seq });
        break;
      case "retry": {
        const { failure } = outcome;
        const delayMs =
          firstDelayMs(outcome.delayMs, () => rules.retry.delayMs({ event, failure })) ?? defaults.retryMaxMs;
        rows.pending.push({ id, seq, attemptsMade: failures, startedAttempts: 0, delayMs, error: failure.message });
        break;
      }
      case "defer":
        if (rules.keepsInMemory && startedAttempts === 0) break;
        rows.pending.push({
          id,
          seq,
          attemptsMade,
          startedAttempts: 0,
          delayMs: firstDelayMs(outcome.delayMs, () => rules.deferDelayMs),
          error: null,
        });
        break;
      case "release":
        if (rules.keepsInMemory && startedAttempts === 0) break;
        rows.pending.push({
          id,
          seq,
          attemptsMade,
          // Nothing was begun, so that nothing is known of a suspect that was not known before.
          startedAttempts: rules.keepsInMemory ? 0 : startedAttempts,
          delayMs: firstDelayMs(outcome.delayMs, () => null),
          error: null,
        });
        break;
      case "failed":
        rows.failed.push({ id, seq, attemptsMade: failures, error: outcome.failure.message });
        break;
    }
  }
  return rows;
}

/**
 * How long to wait: as the outcome says, else as the rules do; `null` when neither has an answer. Both may be the application's,
 * and an answer that the store would refuse must not keep the outcome from being recorded.
 */
function firstDelayMs(asked: number | null | undefined, rule: () => number | null): number | null {
  for (const answer of [() => asked, rule]) {
    const delayMs = answer();
    if (typeof delayMs === "number" && !Number.isNaN(delayMs)) {
      return Math.ceil(Math.min(Math.max(0, delayMs), limits.retryDelayMaxMs));
    }
  }
  return null;
}
