import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { JsonObject } from "./json.js";

/** A validated, deeply frozen event that has not been stored yet; made by `OrderPlaced.create(…)` or `createOutboxEvent(…)`. */
export interface OutboxEventDraft {
  readonly id: string;
  readonly type: string;
  readonly schemaVersion: string;
  readonly topic: string;
  readonly aggregateType: string;
  readonly aggregateId: string;
  readonly partitionKey: string;
  readonly payload: JsonObject;
  readonly headers: Readonly<Record<string, string>>;
  readonly traceId: string | null;
  readonly correlationId: string | null;
  readonly causationId: string | null;
  readonly idempotencyKey: string | null;
  readonly scheduledAt: Date | null;
  readonly maxAttempts: number;
  /** Checked by `add`, so that schemas with asynchronous checks work too; `null` when the event has no definition. */
  readonly schema: StandardSchemaV1 | null;
}

const seal: unique symbol = Symbol.for("omni-box.outbox-event-draft") as never;

/** Freezes a new event whose fields have been checked, and marks it so that a changed copy can be told from it. */
export function sealDraft(checked: OutboxEventDraft): OutboxEventDraft {
  // Not enumerable, so that no copy has it; registered, so that another copy of the package knows it.
  return Object.freeze(Object.defineProperty(checked, seal, { value: true }));
}

/** Tells whether `value` is an event as it was made, and not a copy that someone has changed. */
export function isSealedDraft(value: unknown): value is OutboxEventDraft {
  return typeof value === "object" && value !== null && Object.isFrozen(value) && Object.hasOwn(value, seal);
}
