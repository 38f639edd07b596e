import { defaults } from "../defaults.js";
import { describeFailure, type FailureDescription } from "../errors/describe-failure.js";
import type { EventStatus } from "../events/outbox-event.js";
import { type Outcome, outcome } from "../pipeline/outcome.js";
import type {
  InboxEventRepository,
  InboxTransaction,
  InsertOptions,
  StoredMessage,
} from "../protocols/inbox-event-repository.js";
import { commitIfCompleted } from "./commit-if-completed.js";
import { failureOfHandler } from "./handler-failure.js";
import type { Delivery } from "./inbox-consumer-delivery.js";
import { findStale, staleOutcome } from "./older-events.js";
import type { ReadyHandling } from "./prepare-handling.js";
import { firstPositions } from "./store-attempt.js";

/** A message that is ready to be handled. */
export interface InlineJob<Tx> {
  readonly delivery: Delivery;
  readonly handling: ReadyHandling<Tx>;
}

/** What became of one message that was to be handled on arrival. */
export type InlineAnswer =
  /** Its handler completed, and the transaction with its writes has been committed. `isStale`: its handler was not to be run. */
  | { readonly kind: "committed"; readonly outcome: Outcome; readonly isStale?: true }
  /** It is the row of an earlier delivery, of which `status` says what became. */
  | { readonly kind: "duplicate"; readonly id: string; readonly status: EventStatus }
  /** An earlier event of its key is pending; it was not handled. */
  | { readonly kind: "blocked" }
  /** It collided with other transactions again and again. */
  | { readonly kind: "busy"; readonly failure: FailureDescription }
  /** Its transaction was lost again and again after its row had been inserted; the last commit may have happened. */
  | { readonly kind: "lost"; readonly failure: FailureDescription }
  /** It is lost, or the consumer is stopping; nothing of it was committed as far as is known. */
  | { readonly kind: "withdrawn" }
  /** It was rolled back, or never begun. */
  | { readonly kind: "outcome"; readonly outcome: Outcome };

/** How one transaction ended. */
export type TransactionAttempt =
  /** One answer per message, in the order given. */
  | { readonly kind: "committed"; readonly answers: readonly InlineAnswer[] }
  /** A message did not complete; nothing was committed. */
  | { readonly kind: "rolledBack"; readonly outcome: Outcome }
  | { readonly kind: "conflict"; readonly failure: FailureDescription }
  /** The store did not answer before any handler had begun. */
  | { readonly kind: "outage"; readonly failure: FailureDescription }
  /** The store had answered and then did so no more, perhaps because of a handler; the commit may have happened. */
  | { readonly kind: "lost"; readonly failure: FailureDescription };

/** How transactions are made. */
export interface InlineTransactionOptions<Tx> {
  readonly repository: InboxEventRepository<Tx>;
  /** `null`: no rows are inserted, so that repetitions are not recognised. */
  readonly insert: InsertOptions | null;
  readonly handlerTimeoutMs: number;
  /** Aborted when nobody waits for the handlers any more. */
  readonly abandon: AbortSignal;
}

/** What differs from one attempt to the next. */
export interface TransactionAttemptOptions {
  /** Called as soon as the store has answered a statement of the transaction. */
  readonly answered: () => void;
  /** Called when the transaction is over, although its commit may still have to be confirmed. */
  readonly closed: () => void;
}

/** Handles messages one after the other in one transaction that holds their rows too. Never rejects. */
export async function attemptTransaction<Tx>(
  { repository, insert, handlerTimeoutMs, abandon }: InlineTransactionOptions<Tx>,
  jobs: readonly InlineJob<Tx>[],
  { answered, closed }: TransactionAttemptOptions,
): Promise<TransactionAttempt> {
  const answers: InlineAnswer[] = [];
  let hasInserted = false;
  let handlerFailure: FailureDescription | null = null;

  async function handle({ handling }: InlineJob<Tx>, tx: Tx): Promise<Outcome> {
    try {
      return await handling.run(tx, abandon);
    } catch (error) {
      handlerFailure = describeFailure(error);
      // As it was thrown: the repository knows the errors of its driver.
      throw error;
    }
  }

  async function work(tx: InboxTransaction<Tx>): Promise<Outcome> {
    const stored = await insertOnce(tx, insert, jobs);
    answered();
    // A message that is not handled now must not make its own retry look stale.
    const sequences = jobs.map(({ handling }, index) => (stored[index]?.kind === "stored" ? handling.sequence : null));
    const stale = await findStale(tx, sequences);
    hasInserted = true;
    for (const [index, job] of jobs.entries()) {
      const row = stored[index];
      if (row?.kind === "duplicate") {
        answers.push(answerToDuplicate(row, job));
        continue;
      }
      if (row?.kind !== "stored") {
        answers.push({ kind: "blocked" });
        continue;
      }
      if (stale[index]) {
        answers.push({ kind: "committed", outcome: staleOutcome(), isStale: true });
        continue;
      }
      const result = await handle(job, tx.client);
      if (result.kind !== "completed") return result;
      answers.push({ kind: "committed", outcome: result });
    }
    return outcome.completed();
  }

  const timeoutMs = handlerTimeoutMs + defaults.transactionMarginMs;
  const meaningOf = (error: unknown) => (hasInserted ? failureOfHandler(error) : outcome.ofError(error));
  const result = await commitIfCompleted(repository, { timeoutMs, onClosed: closed }, work, meaningOf);
  if (result.kind === "completed") return { kind: "committed", answers };
  return rollbackOf(result, hasInserted, handlerFailure);
}

/** One answer per job; a message that is among them twice is inserted once, and is a duplicate the second time. */
async function insertOnce<Tx>(
  tx: InboxTransaction<Tx>,
  insert: InsertOptions | null,
  jobs: readonly InlineJob<Tx>[],
): Promise<readonly (StoredMessage | undefined)[]> {
  const drafts = jobs.map(({ delivery }) => delivery.draft);
  if (insert === null) return drafts.map(({ id }) => ({ kind: "stored", id }));
  if (drafts.length === 1) return tx.insertCompleted(drafts, insert);
  const firsts = firstPositions(drafts.map(({ messageId }) => messageId));
  const positions = firsts.filter((first, index) => first === index);
  const unique = drafts.filter((_, index) => firsts[index] === index);
  const stored = await tx.insertCompleted(unique, insert);
  const byPosition = new Map(positions.map((position, index) => [position, stored[index]]));
  return firsts.map((first, index) => {
    const answer = byPosition.get(first);
    if (first === index || answer?.kind !== "stored") return answer;
    return { kind: "duplicate", id: answer.id, status: "completed" };
  });
}

/** A row of the draft's own id was committed by an attempt whose answer was lost. */
function answerToDuplicate<Tx>(
  { id, status }: Extract<StoredMessage, { readonly kind: "duplicate" }>,
  { delivery }: InlineJob<Tx>,
): InlineAnswer {
  if (id === delivery.draft.id) return { kind: "committed", outcome: outcome.completed() };
  return { kind: "duplicate", id, status };
}

function rollbackOf(
  given: Outcome,
  hasInserted: boolean,
  handlerFailure: FailureDescription | null,
): Exclude<TransactionAttempt, { readonly kind: "committed" }> {
  if (given.kind === "completed" || given.kind === "release") return { kind: "rolledBack", outcome: given };
  const { failure } = given;
  if (failure.code === "STORE.CONFLICT") return { kind: "conflict", failure };
  if (hasInserted) {
    const isUnanswered = failure.code === "STORE.UNREACHABLE" || failure.code === "STORE.TIMEOUT";
    // What a handler says of another store is no word about this one.
    if (isUnanswered && failure.code !== codeOf(handlerFailure)) return { kind: "lost", failure };
    return { kind: "rolledBack", outcome: given };
  }
  switch (failure.code) {
    case "STORE.DATA_ERROR":
      return { kind: "rolledBack", outcome: given };
    case "INBOX.HANDLER_TIMEOUT":
      // No handler had begun: the insert waited for another transaction all the time.
      return { kind: "conflict", failure };
    default:
      return { kind: "outage", failure };
  }
}

function codeOf(failure: FailureDescription | null): string | null {
  return failure?.code ?? null;
}
