import { limits } from "../defaults.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import { invalidOptions } from "../errors/validate-options.js";
import type { InboxEvent } from "../events/inbox-event.js";
import type { OutboxEventDraft } from "../events/outbox-event-draft.js";
import type { AddOptions } from "../outbox/apply-add-options.js";
import type { Outbox } from "../outbox/create-outbox.js";
import type { AddedEvent } from "../protocols/outbox-event-repository.js";
import type { HandlerOutbox } from "../routing/handler-context.js";

/** The outbox of one call of a handler. */
export interface BoundOutbox {
  readonly forHandler: HandlerOutbox;
  /** Refuses further events: the transaction is about to end. */
  close(): void;
  /** Resolves when the calls that were not awaited have ended; rejects when one of them failed. */
  settled(): Promise<void>;
}

/** Binds the outbox to the handler's transaction and to the event that is being handled. */
export function bindOutbox<Tx>(outbox: Outbox<Tx> | null, tx: Tx, event: InboxEvent): BoundOutbox {
  const ids = idsOf(event);
  const open = new Set<{ adding?: Promise<unknown> }>();
  let isClosed = false;

  async function add(
    entry: object,
    events: OutboxEventDraft | readonly OutboxEventDraft[],
    options: AddOptions | undefined,
  ): Promise<readonly AddedEvent[]> {
    try {
      if (isClosed) throw tooLate(event.type);
      if (outbox === null) throw noOutbox(event.type);
      return await outbox.add(tx, events, withIds(options, ids));
    } finally {
      open.delete(entry);
    }
  }

  return {
    forHandler: Object.freeze<HandlerOutbox>({
      add(events, options) {
        const entry: { adding?: Promise<readonly AddedEvent[]> } = {};
        open.add(entry);
        const adding = add(entry, events, options);
        entry.adding = adding;
        return adding;
      },
    }),
    close() {
      isClosed = true;
      // Perhaps nobody awaits them, and that must not end the process; `settled` reports them.
      for (const { adding } of open) adding?.catch(() => undefined);
    },
    async settled() {
      await Promise.all([...open].map(({ adding }) => adding));
    },
  };
}

/** Which ids events get that have none of their own. */
function idsOf({ id, messageId, correlationId }: InboxEvent): { causationId: string; correlationId: string } {
  const causationId = messageId.length > limits.contextIdMaxLength ? id : messageId;
  return { causationId, correlationId: correlationId ?? causationId };
}

/** What is no object of options is left for `outbox.add` to refuse, not spread. */
function withIds(options: AddOptions | undefined, ids: ReturnType<typeof idsOf>): AddOptions {
  if (options === undefined) return ids;
  if (typeof options !== "object" || options === null || Array.isArray(options)) return options;
  const { correlationId = ids.correlationId, causationId = ids.causationId } = options;
  return { ...options, correlationId, causationId };
}

function tooLate(type: string): OmniBoxError {
  return new OmniBoxError(
    "CONFIG.TRANSACTION_REQUIRED",
    `context.outbox.add was called after the handler of "${type}" had ended, and its transaction with it: ` +
      "await everything that the handler starts",
  );
}

function noOutbox(type: string): OmniBoxError {
  return invalidOptions("context.outbox.add", [
    `the handler of "${type}" publishes, but no outbox was given: pass outbox to the consumer or processor`,
  ]);
}
