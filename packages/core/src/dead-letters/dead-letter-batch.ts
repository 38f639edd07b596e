import { defaults, limits } from "../defaults.js";
import type { FailureDescription } from "../errors/describe-failure.js";
import type { CommitContext } from "../processor/commit-strategy.js";
import { mergeReports, recordUntilKnown } from "../processor/record-until-known.js";
import type { DeadLetterFailure, DeadLetterRef, EventAdministration } from "../protocols/event-administration.js";
import { createRetryDecisions } from "../resilience/retry-decisions.js";
import type { RetryPolicy } from "../resilience/retry-policy.js";
import type { DeadLetterEvent } from "./dead-letter-message.js";
import type { TakenLetter } from "./letters-in-hand.js";
import type { LetterPublishing } from "./publish-letter.js";
import { publishLetters } from "./publish-letters.js";

/** What a batch is worked on with. */
export interface BatchParts<E extends DeadLetterEvent> extends LetterPublishing<E> {
  readonly administration: Pick<EventAdministration<E>, "recordDeadLettered" | "recordDeadLetterFailed">;
  readonly retry: RetryPolicy;
  /** Its `abandon` also ends the waiting for the broker. */
  readonly context: CommitContext;
}

/** A letter that was refused. */
export interface RefusedLetter<E extends DeadLetterEvent> extends TakenLetter<E> {
  readonly failure: FailureDescription;
}

/** What became of a batch of letters. */
export interface BatchReport<E extends DeadLetterEvent> {
  readonly published: readonly TakenLetter<E>[];
  readonly refused: readonly RefusedLetter<E>[];
  readonly deferred: readonly TakenLetter<E>[];
  /** Why letters were deferred; `null` when none were. */
  readonly outage: FailureDescription | null;
  readonly released: number;
  readonly abandoned: number;
  readonly unrecorded: number;
}

const allWritten = Object.freeze({ missing: Object.freeze([]) });
const errorLeftOut = "the error could not be stored";

/**
 * Publishes letters and records what became of those that were published or refused, each statement until its result is known.
 * Never rejects. A kill before a record leaves the letter to its lease: it is published again.
 */
export async function workOnLetters<E extends DeadLetterEvent>(
  letters: readonly TakenLetter<E>[],
  parts: BatchParts<E>,
): Promise<BatchReport<E>> {
  const { administration, context } = parts;
  const outcomes = await publishLetters(letters, parts, context);
  const published: TakenLetter<E>[] = [];
  const refused: RefusedLetter<E>[] = [];
  const deferred: TakenLetter<E>[] = [];
  let outage: FailureDescription | null = null;
  let released = 0;
  let abandoned = 0;
  letters.forEach((taken, index) => {
    const outcome = outcomes[index];
    switch (outcome?.kind) {
      case "completed":
        published.push(taken);
        break;
      case "retry":
        refused.push({ ...taken, failure: outcome.failure });
        break;
      case "defer":
        outage ??= outcome.failure;
        deferred.push(taken);
        break;
      case undefined:
        abandoned += 1;
        break;
      default:
        released += 1;
    }
  });

  const reports = [
    await recordUntilKnown<DeadLetterRef>(
      {
        rows: published.map(refOf),
        record: (rows) => administration.recordDeadLettered(rows).then(() => allWritten),
        minimal: () => null,
      },
      context,
    ),
    await recordUntilKnown<DeadLetterFailure>(
      {
        rows: refused.map((letter) => failureOf(letter, parts)),
        record: (rows) => administration.recordDeadLetterFailed(rows).then(() => allWritten),
        minimal: (row) => ({ ...row, error: errorLeftOut }),
      },
      context,
    ),
  ];
  const unrecorded = mergeReports(reports).unrecorded.length;
  return { published, refused, deferred, outage, released, abandoned, unrecorded };
}

function failureOf<E extends DeadLetterEvent>(
  refused: RefusedLetter<E>,
  { retry, context: { clock } }: BatchParts<E>,
): DeadLetterFailure {
  const { letter, failure } = refused;
  const event = { ...letter.event, attemptsMade: letter.attemptsMade };
  const asked = createRetryDecisions(retry, clock.now).delayMs({ event, failure }) ?? defaults.deadLetterRetryMaxMs;
  const delayMs = Math.ceil(Math.min(Math.max(0, asked), limits.retryDelayMaxMs));
  return { ...refOf(refused), attemptsMade: letter.attemptsMade + 1, delayMs, error: failure.message };
}

function refOf<E extends DeadLetterEvent>({ letter: { event, failedAt } }: TakenLetter<E>): DeadLetterRef {
  return { id: event.id, seq: event.seq, failedAt };
}
