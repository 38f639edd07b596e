import type { OutboxEvent } from "../events/outbox-event.js";
import type { OutboxEventDraft } from "../events/outbox-event-draft.js";
import type { EventRepository } from "./event-repository.js";

/** What became of one event given to `add`. */
export interface AddedEvent {
  readonly id: string;
  /** `null` for a duplicate: the event, or another with its idempotency key, was stored before. */
  readonly seq: bigint | null;
  readonly duplicate: boolean;
}

/**
 * Storage of outbox events.
 *
 * @typeParam Tx - what the application's transactions look like
 * @typeParam Root - the client outside a transaction, accepted by `add` only when the outbox is not strict
 */
export interface OutboxEventRepository<Tx, Root = never> extends EventRepository<OutboxEvent> {
  /** Tells a transaction from a client outside one. */
  isTransaction(client: Tx | Root): boolean;

  /**
   * Inserts the events with one statement on the given transaction, in the order given (so is their `seq`).
   *
   * Nothing exists before the transaction commits, and nothing remains if it rolls back. An event whose id or idempotency
   * key is stored already is left out and reported as duplicate. The input has been validated.
   *
   * @throws {OmniBoxError} CONFIG.STORE_NOT_READY when the bucket count recorded in the store differs from the
   *   repository's; nothing is written and the transaction stays usable.
   * @throws errors of the statement as the transaction's client reports them, so that the application's own retry of
   *   serialization failures goes on working. The database has then aborted the transaction.
   */
  add(client: Tx | Root, drafts: readonly OutboxEventDraft[]): Promise<readonly AddedEvent[]>;
}
