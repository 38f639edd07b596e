import {
  type InboxEventDraft,
  type InboxRow,
  type InsertOptions,
  OmniBoxError,
  type StoredMessage,
} from "@omni-box/core";
import type { FoundMessage, InboxDialect, InsertedMessage } from "../inbox-dialect.js";
import type { Statement } from "../statement.js";

/** Where messages are inserted, and how. */
export interface InsertMessagesOptions extends InsertOptions {
  readonly dialect: InboxDialect;
  readonly lockTimeoutMs: number;
  /** Runs one statement and returns its rows. */
  query<Row>(purpose: string, statement: Statement): Promise<readonly Row[]>;
}

/** Where messages are inserted as completed, and how. */
export interface InsertCompletedOptions extends InsertMessagesOptions {
  /** Runs one statement and returns how many rows it has changed. */
  execute(purpose: string, statement: Statement): Promise<number>;
}

type Duplicates = ReadonlyMap<string, StoredMessage>;

/** Inserts messages and says what became of each, in the order given; a second statement asks for what was not inserted. */
export async function insertMessages(
  rows: readonly InboxRow[],
  options: InsertMessagesOptions,
): Promise<readonly StoredMessage[]> {
  if (rows.length === 0) return [];
  const { dialect, lockTimeoutMs, query, behindPending } = options;
  const inserted = await query<InsertedMessage>("store messages", dialect.insert(rows, behindPending, lockTimeoutMs));
  const insertedIds = new Set(inserted.map(({ id }) => id));
  // One row given twice was inserted once.
  const isInserted = rows.map(({ draft }) => insertedIds.delete(draft.id));

  const others = rows.filter((_, index) => !isInserted[index]).map(({ draft }) => draft);
  const duplicates = await findDuplicates(others, options);
  return rows.map(({ draft }, index) =>
    isInserted[index] ? { kind: "stored", id: draft.id } : notInserted(draft, duplicates, behindPending),
  );
}

/** Inserts messages as completed; else as {@link insertMessages}. A single one takes half the time. */
export async function insertCompleted(
  drafts: readonly InboxEventDraft[],
  options: InsertCompletedOptions,
): Promise<readonly StoredMessage[]> {
  const { dialect, lockTimeoutMs, execute, behindPending } = options;
  const [draft] = drafts;
  if (draft === undefined || drafts.length > 1 || draft.body !== null)
    return insertMessages(drafts.map(completedRow), options);
  const count = await execute("store messages", dialect.insertCompleted(draft, behindPending, lockTimeoutMs));
  if (count > 0) return [{ kind: "stored", id: draft.id }];
  return [notInserted(draft, await findDuplicates(drafts, options), behindPending)];
}

async function findDuplicates(
  drafts: readonly InboxEventDraft[],
  { dialect, query }: InsertMessagesOptions,
): Promise<Duplicates> {
  const duplicates = new Map<string, StoredMessage>();
  if (drafts.length === 0) return duplicates;
  const found = await query<FoundMessage>("find duplicate messages", dialect.findStored(drafts));
  for (const { message_id: messageId, consumer_group: consumerGroup, id, status } of found) {
    duplicates.set(nameOf({ messageId, consumerGroup }), { kind: "duplicate", id, status });
  }
  return duplicates;
}

const blocked: StoredMessage = Object.freeze({ kind: "blocked" });

function notInserted(
  draft: InboxEventDraft,
  duplicates: Duplicates,
  behindPending: InsertOptions["behindPending"],
): StoredMessage {
  return duplicates.get(nameOf(draft)) ?? (behindPending === "leave" ? blocked : disappeared());
}

function nameOf({ messageId, consumerGroup }: { messageId: string; consumerGroup: string }): string {
  return JSON.stringify([messageId, consumerGroup]);
}

function completedRow(draft: InboxEventDraft): InboxRow {
  return { draft, status: "completed", attemptsMade: 0, startedAttempts: 0, delayMs: null, error: null };
}

function disappeared(): never {
  throw new OmniBoxError(
    "STORE.CONFLICT",
    "could not store messages: the row of a message that was there before was removed at this moment; try again",
  );
}
