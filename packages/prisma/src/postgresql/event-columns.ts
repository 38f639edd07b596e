import type { EventStatus, JsonObject, OutboxEvent } from "@omni-box/core";

/** The columns that make an event, in the order in which statements return them. */
export const eventColumns = [
  "seq",
  "id",
  "event_type",
  "schema_version",
  "topic",
  "aggregate_type",
  "aggregate_id",
  "partition_key",
  "bucket",
  "payload",
  "headers",
  "trace_id",
  "correlation_id",
  "causation_id",
  "idempotency_key",
  "status",
  "attempts_made",
  "max_attempts",
  "started_attempts",
  "last_error",
  "created_at",
  "scheduled_at",
  "next_attempt_at",
  "completed_at",
  "lease_token",
  "lease_until",
  "locked_by",
] as const;

/** One row of `outbox_event` as Prisma returns it from raw SQL. */
export interface EventRow {
  readonly seq: bigint;
  readonly id: string;
  readonly event_type: string;
  readonly schema_version: string;
  readonly topic: string;
  readonly aggregate_type: string;
  readonly aggregate_id: string;
  readonly partition_key: string;
  readonly bucket: number;
  readonly payload: JsonObject;
  readonly headers: Readonly<Record<string, string>>;
  readonly trace_id: string | null;
  readonly correlation_id: string | null;
  readonly causation_id: string | null;
  readonly idempotency_key: string | null;
  readonly status: EventStatus;
  readonly attempts_made: number;
  readonly max_attempts: number;
  readonly started_attempts: number;
  readonly last_error: string | null;
  readonly created_at: Date;
  readonly scheduled_at: Date | null;
  readonly next_attempt_at: Date | null;
  readonly completed_at: Date | null;
  readonly lease_token: string | null;
  readonly lease_until: Date | null;
  readonly locked_by: string | null;
}

/** Makes the event of a row. */
export function readEventRow(row: EventRow): OutboxEvent {
  const { lease_token: token, lease_until: until } = row;
  return Object.freeze({
    seq: row.seq,
    id: row.id,
    type: row.event_type,
    schemaVersion: row.schema_version,
    topic: row.topic,
    aggregateType: row.aggregate_type,
    aggregateId: row.aggregate_id,
    partitionKey: row.partition_key,
    bucket: row.bucket,
    payload: Object.freeze(row.payload),
    headers: Object.freeze(row.headers),
    traceId: row.trace_id,
    correlationId: row.correlation_id,
    causationId: row.causation_id,
    idempotencyKey: row.idempotency_key,
    status: row.status,
    attemptsMade: row.attempts_made,
    maxAttempts: row.max_attempts,
    startedAttempts: row.started_attempts,
    lastError: row.last_error,
    createdAt: row.created_at,
    scheduledAt: row.scheduled_at,
    nextAttemptAt: row.next_attempt_at,
    completedAt: row.completed_at,
    lease: token === null || until === null ? null : Object.freeze({ token, until, workerId: row.locked_by ?? "" }),
  });
}
