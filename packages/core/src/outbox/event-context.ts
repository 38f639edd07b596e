import { limits } from "../defaults.js";
import { kindOf } from "../errors/kind-of.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import { reservedHeaderPrefix } from "../events/headers-field.js";
import { type OutboxEventDraft, sealDraft } from "../events/outbox-event-draft.js";
import { storableHeaders } from "../events/storable-headers.js";
import { textProblem } from "../events/text-field.js";

/** What events take along from where they are added: a trace, the request's correlation id. */
export interface EventContext {
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** At most 64 characters, as are the next two. */
  readonly traceId?: string | undefined;
  readonly correlationId?: string | undefined;
  readonly causationId?: string | undefined;
}

/** Tells the context of a call of `add`: called once for each, in the caller's own asynchronous context. `undefined`: there is none. */
export type EventContextOption = () => EventContext | undefined;

/**
 * Gives the drafts what their surroundings say, where they and the options of `add` say nothing.
 *
 * It comes from a request, and from whoever sent that: what breaks a limit is left out, and no event is refused for it.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS when `given` is no object.
 */
export function applyEventContext(
  drafts: readonly OutboxEventDraft[],
  given: EventContext | undefined,
): readonly OutboxEventDraft[] {
  if (given === undefined) return drafts;
  if (typeof given !== "object" || given === null) throw notAContext(given);
  const headers = Object.entries(given.headers ?? {}).filter(([name]) => !isReserved(name));
  const traceId = storableId(given.traceId);
  const correlationId = storableId(given.correlationId);
  const causationId = storableId(given.causationId);
  return drafts.map((draft) =>
    // Field by field, as in `createOutboxEvent`.
    sealDraft({
      id: draft.id,
      type: draft.type,
      schemaVersion: draft.schemaVersion,
      topic: draft.topic,
      aggregateType: draft.aggregateType,
      aggregateId: draft.aggregateId,
      partitionKey: draft.partitionKey,
      payload: draft.payload,
      headers: withHeaders(draft.headers, headers),
      traceId: draft.traceId ?? traceId,
      correlationId: draft.correlationId ?? correlationId,
      causationId: draft.causationId ?? causationId,
      idempotencyKey: draft.idempotencyKey,
      scheduledAt: draft.scheduledAt,
      maxAttempts: draft.maxAttempts,
      schema: draft.schema,
    }),
  );
}

/** The event's own come first, so that none of them is what does not fit any more. */
function withHeaders(
  own: OutboxEventDraft["headers"],
  more: readonly (readonly [string, unknown])[],
): OutboxEventDraft["headers"] {
  const added = more.filter(([name]) => !Object.hasOwn(own, name));
  return added.length === 0 ? own : storableHeaders({ ...own, ...Object.fromEntries(added) });
}

function isReserved(name: string): boolean {
  return name.toLowerCase().startsWith(reservedHeaderPrefix);
}

function storableId(id: unknown): string | null {
  return typeof id === "string" && textProblem(id, limits.contextIdMaxLength) === null ? id : null;
}

function notAContext(given: unknown): OmniBoxError {
  return new OmniBoxError(
    "CONFIG.INVALID_OPTIONS",
    `createOutbox: context must return an object such as { correlationId: "…" }, or undefined; it returned ${kindOf(given)}`,
  );
}
