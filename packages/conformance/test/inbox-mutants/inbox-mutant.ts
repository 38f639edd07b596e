import type {
  InboxEvent,
  InboxEventDraft,
  InboxEventRepository,
  InboxTransaction,
  InsertOptions,
  StoredMessage,
} from "@omni-box/core";
import type { MemoryInboxRepository, MemoryTransaction } from "@omni-box/core/testing";

/** A repository with one fault, and the case that has to notice it. */
export interface InboxMutant {
  readonly fault: string;
  readonly killedBy: string;
  readonly wrap: (repository: MemoryInboxRepository) => InboxEventRepository<MemoryTransaction>;
}

export type MemoryInboxTransaction = InboxTransaction<MemoryTransaction>;

/** A fault in what transactions offer. */
export function inTransaction(
  change: (tx: MemoryInboxTransaction, base: MemoryInboxRepository) => Partial<MemoryInboxTransaction>,
): InboxMutant["wrap"] {
  return (base) => ({
    ...base,
    transaction: (work, options) => base.transaction((tx) => work({ ...tx, ...change(tx, base) }), options),
  });
}

/** A fault in how transactions end. */
export function transactionAs(
  change: (base: MemoryInboxRepository) => InboxEventRepository<MemoryTransaction>["transaction"],
): InboxMutant["wrap"] {
  return (base) => ({ ...base, transaction: change(base) });
}

/** A fault in what is seen of a stored event. */
export function readingAs(change: (event: InboxEvent) => InboxEvent): InboxMutant["wrap"] {
  return (base) => ({
    ...base,
    async findById(id) {
      const event = await base.findById(id);
      return event && change(event);
    },
  });
}

/** The stored event of a message, if any. */
export function storedEvent(
  base: MemoryInboxRepository,
  { messageId, consumerGroup }: InboxEventDraft,
): InboxEvent | undefined {
  return base.all().find((event) => event.messageId === messageId && event.consumerGroup === consumerGroup);
}

/** A fault in which messages are blocked: those for which `isBlocked` says so, whatever was asked. */
export function blockedWhen(
  isBlocked: (draft: InboxEventDraft, index: number, call: BlockedCall) => boolean,
): InboxMutant["wrap"] {
  return inTransaction((tx, base) => ({
    async insertCompleted(drafts, options) {
      const blocked = drafts.map((draft, index) => isBlocked(draft, index, { base, drafts, options }));
      const free = drafts.filter((_, index) => blocked[index] === false);
      const answers = [...(await tx.insertCompleted(free, { behindPending: "insert" }))];
      return blocked.map(
        (left): StoredMessage => (left ? { kind: "blocked" } : (answers.shift() ?? { kind: "blocked" })),
      );
    },
  }));
}

/** What a fault of blocking may look at. */
export interface BlockedCall {
  readonly base: MemoryInboxRepository;
  readonly drafts: readonly InboxEventDraft[];
  readonly options: InsertOptions;
}
