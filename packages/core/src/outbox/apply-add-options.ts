import { kindOf } from "../errors/kind-of.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import { assertEventOptions, createOutboxEvent, type OutboxEventOptions } from "../events/create-outbox-event.js";
import { type OutboxEventDraft, sealDraft } from "../events/outbox-event-draft.js";

/** What `add` sets on every event it is given; headers are merged, and an event's own value wins over this one. */
export type AddOptions = Omit<OutboxEventOptions, "maxAttempts">;

/** Returns the drafts with the call's options filled in, validated like the events themselves. */
export function applyAddOptions(
  drafts: readonly OutboxEventDraft[],
  options: AddOptions | undefined,
): readonly OutboxEventDraft[] {
  if (options === undefined) return drafts;
  if (typeof options !== "object" || options === null || Array.isArray(options)) throw notOptions(options);
  if (Object.keys(options).length === 0) return drafts;
  if (options.idempotencyKey !== undefined && drafts.length > 1) {
    throw new OmniBoxError(
      "MESSAGE.INVALID_EVENT",
      "idempotencyKey names one event, but several were given: set it on each event instead",
    );
  }
  return drafts.map((draft) => withOptions(draft, options));
}

function notOptions(given: unknown): OmniBoxError {
  return new OmniBoxError(
    "MESSAGE.INVALID_EVENT",
    `the options of outbox.add must be an object, they are ${kindOf(given)}: leave them out, or pass { correlationId: "…" }`,
  );
}

function withOptions(draft: OutboxEventDraft, options: AddOptions): OutboxEventDraft {
  assertEventOptions(draft.type, options, "maxAttempts");
  const { id, schema, headers, traceId, correlationId, causationId, idempotencyKey, scheduledAt, ...fixed } = draft;
  const merged = createOutboxEvent(
    {
      ...options,
      ...fixed,
      headers: mergeHeaders(options.headers, headers),
      traceId: traceId ?? options.traceId,
      correlationId: correlationId ?? options.correlationId,
      causationId: causationId ?? options.causationId,
      idempotencyKey: idempotencyKey ?? options.idempotencyKey,
      scheduledAt: scheduledAt ?? options.scheduledAt,
    },
    schema,
  );
  // The same draft given twice stays the same event.
  return merged.idempotencyKey === idempotencyKey ? sealDraft({ ...merged, id }) : merged;
}

/** An event's own header wins. What is no object of headers is left for the validation to refuse, not spread. */
function mergeHeaders(given: AddOptions["headers"], own: OutboxEventDraft["headers"]): AddOptions["headers"] {
  if (given === undefined) return own;
  const isRecord = typeof given === "object" && given !== null && !(Symbol.iterator in given);
  return isRecord ? { ...given, ...own } : given;
}
