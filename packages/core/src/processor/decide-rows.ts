import { defaults, limits } from "../defaults.js";
import type { BaseEvent } from "../events/outbox-event.js";
import type { Outcome } from "../pipeline/outcome.js";
import type { CompletedRow, FailedRow, PendingRow } from "../protocols/event-repository.js";
import type { RetryPolicy } from "../resilience/retry-policy.js";

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
  readonly retryPolicy: RetryPolicy;
  /** How long deferred events wait; `null`: they are due at once, for whichever worker can reach the broker. */
  readonly deferDelayMs: number | null;
}

/** Applies the retry policy to one outcome. */
export function finalOutcome(event: BaseEvent, given: Outcome): Outcome {
  if (given.kind !== "retry" || event.attemptsMade + 1 < event.maxAttempts) return given;
  return { kind: "failed", failure: given.failure };
}

/** Sorts the results of a batch into the rows that its outcome statements write. */
export function decideRows(results: readonly EventResult<BaseEvent>[], rules: DecisionRules): DecidedRows {
  const rows: DecidedRows = { completed: [], pending: [], failed: [] };
  for (const { event, outcome } of results) {
    const { id, seq, attemptsMade } = event;
    switch (outcome.kind) {
      case "completed":
        rows.completed.push({ id, seq });
        break;
      case "retry": {
        const delayMs = retryDelayMs(outcome.delayMs, attemptsMade + 1, rules.retryPolicy);
        rows.pending.push({ id, seq, attemptsMade: attemptsMade + 1, delayMs, error: outcome.failure.message });
        break;
      }
      case "defer":
        rows.pending.push({ id, seq, attemptsMade, delayMs: rules.deferDelayMs, error: null });
        break;
      case "release":
        rows.pending.push({ id, seq, attemptsMade, delayMs: null, error: null });
        break;
      case "failed":
        rows.failed.push({ id, seq, attemptsMade: attemptsMade + 1, error: outcome.failure.message });
        break;
    }
  }
  return rows;
}

/**
 * How long to back off: as the handler says, else the policy. Both are the application's, and an answer that the store would
 * refuse, or an error, must not keep the attempt from being counted.
 */
function retryDelayMs(asked: number | null | undefined, attempt: number, policy: RetryPolicy): number {
  for (const answer of [() => asked, () => policy.delayMs(attempt)]) {
    const delayMs = answerOrNull(answer);
    if (typeof delayMs === "number" && !Number.isNaN(delayMs)) {
      return Math.ceil(Math.min(Math.max(0, delayMs), limits.retryDelayMaxMs));
    }
  }
  return defaults.retryMaxMs;
}

function answerOrNull(answer: () => number | null | undefined): number | null | undefined {
  try {
    return answer();
  } catch {
    // A policy that throws is a policy without an answer.
    return null;
  }
}
