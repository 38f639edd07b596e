import type { InboxEvent } from "../events/inbox-event.js";
import type { InboxEventDraft } from "../events/inbox-event-draft.js";
import type { KeySequence } from "../events/key-sequence.js";
import type { EventStatus } from "../events/outbox-event.js";
import type { EventRef, EventRepository, OutcomeReceipt } from "./event-repository.js";
import type { Fence } from "./fence.js";

/** A message and the state in which it is to be stored. */
export interface InboxRow {
  readonly draft: InboxEventDraft;
  readonly status: EventStatus;
  readonly attemptsMade: number;
  /** 1 marks a suspect: a message that may have killed the process that worked on it. Else 0. */
  readonly startedAttempts: number;
  /** Earliest attempt of a pending row, from the statement's own time; `null`: at once. */
  readonly delayMs: number | null;
  /** Sanitised and bounded. */
  readonly error: string | null;
}

/** What became of one message given to `store` or `insertCompleted`. */
export type StoredMessage =
  /** Inserted. */
  | { readonly kind: "stored"; readonly id: string }
  /** A row of this message id and group was there before, or was committed meanwhile. Nothing was changed. */
  | { readonly kind: "duplicate"; readonly id: string; readonly status: EventStatus }
  /** Left out, because an earlier event of its key is still pending. Only with `behindPending: "leave"`. */
  | { readonly kind: "blocked" };

/** How `insertCompleted` treats messages whose key has an earlier pending row in the same group. */
export interface InsertOptions {
  /** `insert` (no order per key is wanted) or `leave` out and answer `blocked`. */
  readonly behindPending: "insert" | "leave";
}

/** One transaction in which a handler's writes and the rows of its messages commit together. */
export interface InboxTransaction<Tx> {
  /** What handlers write through. */
  readonly client: Tx;

  /**
   * Inserts messages as completed; has to be the first statement of the transaction, and is one statement unless there are duplicates.
   *
   * A parallel transaction that inserts the same message is waited for: when it commits the answer is `duplicate`, when it
   * rolls back the row is inserted here. A conflict does not abort the transaction. The answers are in the order given.
   *
   * @throws {OmniBoxError} STORE.CONFLICT when another transaction holds a message for longer than the repository waits. Put
   *   the message back; it must not be acknowledged.
   */
  insertCompleted(drafts: readonly InboxEventDraft[], options: InsertOptions): Promise<readonly StoredMessage[]>;

  /**
   * Raises the sequence of each key to its highest number, and says of every event, in the order given, whether it is newer than all
   * of its key before it: those that committed transactions were given, and those earlier in the list.
   *
   * One statement. It takes effect with the transaction's commit and never without, and lowers no sequence. A parallel transaction
   * that raises the same key is waited for. To be called before any handler, once in a transaction.
   *
   * @throws {OmniBoxError} STORE.CONFLICT when another transaction holds a key for longer than the repository waits. Run the
   *   transaction again.
   */
  raiseSequences(sequences: readonly KeySequence[]): Promise<readonly boolean[]>;

  /**
   * Completes a row that is held under the fence; has to be the last statement of the transaction.
   *
   * Under a fence of buckets the bucket cannot be taken over from then on until the transaction has ended: name no bucket
   * beside the row's own.
   *
   * @returns `false` when the fence no longer holds, or the row is not pending any more: the caller has to roll back.
   */
  complete(fence: Fence, row: EventRef): Promise<boolean>;
}

/** Limits of one transaction. */
export interface InboxTransactionOptions {
  /** From its begin to its commit; then it is rolled back. */
  readonly timeoutMs: number;
  /**
   * Called, at most once, when the transaction has reported its commit and holds no connection any more, although its fate may
   * still have to be confirmed: another one can begin.
   */
  readonly onClosed?: () => void;
}

/** What a worker will use of an inbox. */
export interface InboxUse {
  /** Whether `raiseSequences` will be called; default `true`. */
  readonly sequences?: boolean | undefined;
  /** Whether `bucketsOf` will be called; default `false`. */
  readonly buckets?: boolean | undefined;
}

/**
 * Storage of received messages. One table serves any number of consumer groups; the methods of {@link EventRepository} see
 * all of them unless they are filtered by `consumerGroup`.
 */
export interface InboxEventRepository<Tx> extends EventRepository<InboxEvent> {
  /**
   * As for all repositories; what will not be used need not be usable.
   *
   * @returns one sentence per problem that says what is wrong and what to do; empty when all is well.
   */
  verify(use?: InboxUse): Promise<readonly string[]>;

  /**
   * Stores messages by themselves, in one auto-committed statement unless there are duplicates. Rows get their `seq` in the
   * order given, and repeating the call changes nothing.
   *
   * A message that is stored already is left as it is, whatever its status: a completed one never becomes pending again.
   *
   * @returns one answer per row, in the order given; never `blocked`.
   */
  store(rows: readonly InboxRow[]): Promise<readonly StoredMessage[]>;

  /**
   * Runs `work` in a transaction. It commits when `work` resolves and rolls back when it rejects.
   *
   * Before it resolves the repository has made sure, by a statement of its own, that the transaction has really committed: a
   * handler that swallows the error of a statement may have its writes rolled back by a commit that reports success.
   *
   * @throws what `work` rejected with, unchanged, unless one of these is the reason:
   * @throws {OmniBoxError} INBOX.STATEMENT_FAILED when a statement of `work` was refused by the database; without the words of
   *   database and client, which may show values.
   * @throws {OmniBoxError} INBOX.TRANSACTION_ABORTED when a statement had failed and `work` went on; rolled back.
   * @throws {OmniBoxError} INBOX.HANDLER_TIMEOUT when the transaction outlived `timeoutMs`; rolled back.
   * @throws {OmniBoxError} STORE.CONFLICT when a statement of `work` or the commit collided (serialization failure, deadlock);
   *   rolled back, run it again.
   * @throws {OmniBoxError} STORE.UNREACHABLE or STORE.TIMEOUT when there was no connection, or it was lost. The commit may
   *   have happened: run it again from its first statement, which finds out.
   */
  transaction<Result>(
    work: (tx: InboxTransaction<Tx>) => Promise<Result>,
    options: InboxTransactionOptions,
  ): Promise<Result>;

  /** Sets `startedAttempts` of a row, before work on a suspect begins and to take a start back. */
  recordStarted(fence: Fence, row: EventRef, startedAttempts: number): Promise<OutcomeReceipt>;
}
