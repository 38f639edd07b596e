import type { OutboxEventDraft } from "../events/outbox-event-draft.js";
import type { AddOptions } from "../outbox/apply-add-options.js";
import type { Logger } from "../protocols/logger.js";
import type { AddedEvent } from "../protocols/outbox-event-repository.js";

/** The outbox of the service, bound to the handler's transaction and to the event that is being handled. */
export interface HandlerOutbox {
  /**
   * Adds events to the handler's transaction, as `outbox.add` does. Unless they or the options say otherwise they carry the
   * handled event's correlation id (or, when it has none, its message id) and, as their causation id, its message id.
   *
   * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS when no `outbox` was given to the consumer or processor.
   * @throws as `outbox.add` does.
   */
  add(events: OutboxEventDraft | readonly OutboxEventDraft[], options?: AddOptions): Promise<readonly AddedEvent[]>;
}

/** What a handler is given besides the event. */
export interface HandlerContext<Tx, Dependencies = undefined> {
  /** What is written through it commits together with the record that the event has been handled, or not at all. */
  readonly tx: Tx;
  readonly outbox: HandlerOutbox;
  /** Aborted when the handler has run out of time, has lost its lease, or nobody waits for it any more. */
  readonly signal: AbortSignal;
  /** Lines carry message id, event type and consumer group. */
  readonly logger: Logger;
  /** 1 for the first attempt. Attempts that were not counted do not raise it. */
  readonly attempt: number;
  /** What the application gave to the consumer or processor. */
  readonly dependencies: Dependencies;
}
