import { OmniBoxError } from "../errors/omni-box-error.js";
import { createOutboxEvent, type OutboxEventOptions } from "../events/create-outbox-event.js";
import type { OutboxEventDraft } from "../events/outbox-event-draft.js";

/** What `add` sets on every event it is given; headers are merged, and an event's own value wins over this one. */
export type AddOptions = Omit<OutboxEventOptions, "maxAttempts">;

/** Returns the drafts with the call's options filled in, validated like the events themselves. */
export function applyAddOptions(
  drafts: readonly OutboxEventDraft[],
  options: AddOptions | undefined,
): readonly OutboxEventDraft[] {
  if (options === undefined || Object.keys(options).length === 0) return drafts;
  if (options.idempotencyKey !== undefined && drafts.length > 1) {
    throw new OmniBoxError(
      "MESSAGE.INVALID_EVENT",
      "idempotencyKey names one event, but several were given: set it on each event instead",
    );
  }
  return drafts.map((draft) => withOptions(draft, options));
}

function withOptions(draft: OutboxEventDraft, options: AddOptions): OutboxEventDraft {
  const { id, schema, headers, traceId, correlationId, causationId, idempotencyKey, scheduledAt, ...fixed } = draft;
  const merged = createOutboxEvent(
    {
      ...options,
      ...fixed,
      headers: { ...options.headers, ...headers },
      traceId: traceId ?? options.traceId,
      correlationId: correlationId ?? options.correlationId,
      causationId: causationId ?? options.causationId,
      idempotencyKey: idempotencyKey ?? options.idempotencyKey,
      scheduledAt: scheduledAt ?? options.scheduledAt,
    },
    schema,
  );
  // The same draft given twice stays the same event.
  return merged.idempotencyKey === idempotencyKey ? Object.freeze({ ...merged, id }) : merged;
}
