import type {
  EventRef,
  EventStatus,
  Fence,
  InboxEvent,
  InboxEventDraft,
  InboxRow,
  InsertOptions,
  KeySequence,
} from "@omni-box/core";
import type { BucketDialect } from "./bucket-dialect.js";
import type { EventDialect } from "./event-dialect.js";
import type { Statement } from "./statement.js";

/** One row of the answer to {@link InboxDialect.insert}: what was inserted. */
export interface InsertedMessage {
  readonly id: string;
}

/** One row of the answer to {@link InboxDialect.findStored}. */
export interface FoundMessage {
  readonly message_id: string;
  readonly consumer_group: string;
  readonly id: string;
  readonly status: EventStatus;
}

/** The answer to {@link InboxDialect.raiseSequences}: the keys that were raised. */
export interface RaisedSequences {
  /** `formerSeq` is the number in decimal digits; `null`: the key had none. */
  readonly raised: readonly (Omit<KeySequence, "seq"> & { readonly formerSeq: string | null })[];
}

/** The SQL of an inbox repository. */
export interface InboxDialect extends EventDialect<InboxEvent> {
  bucketsOf(consumerGroup: string): BucketDialect;
  /**
   * Inserts the rows that no other row stands for, and returns {@link InsertedMessage}.
   *
   * Where a message may be held by another transaction it waits at most `lockTimeoutMs` for that. The setting of the
   * transaction is afterwards as it was.
   */
  insert(rows: readonly InboxRow[], behindPending: InsertOptions["behindPending"], lockTimeoutMs: number): Statement;
  /** Inserts a message without a body as completed, likewise; changes one row, or none where another row stands for it. */
  insertCompleted(
    draft: InboxEventDraft,
    behindPending: InsertOptions["behindPending"],
    lockTimeoutMs: number,
  ): Statement;
  /** Finds the rows of messages; returns {@link FoundMessage}. */
  findStored(messages: readonly { readonly messageId: string; readonly consumerGroup: string }[]): Statement;
  /**
   * Raises sequences, one of each key, and returns one row, {@link RaisedSequences}.
   *
   * It waits at most `lockTimeoutMs` for another transaction. The setting of the transaction is afterwards as it was.
   */
  raiseSequences(highest: readonly KeySequence[], lockTimeoutMs: number): Statement;
  /** Completes one row and returns its `seq`; nothing when the fence no longer holds. */
  complete(fence: Fence, row: EventRef): Statement;
  /** Fails in a transaction in which any statement has failed. */
  proof(): Statement;
  /** Returns the `id` of those of the rows that exist. */
  findIds(ids: readonly string[]): Statement;
  /** Changes what the fence holds and returns the `seq` of each row that it did not change. */
  recordStarted(fence: Fence, rows: readonly EventRef[], startedAttempts: number): Statement;
}
