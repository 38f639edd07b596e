import type { BaseEvent, EventStatus, InboxEvent, JsonObject, OutboxEvent } from "@omni-box/core";
import type { StoredRow } from "../event-dialect.js";

const baseColumns = [
  "seq",
  "id",
  "event_type",
  "schema_version",
  "topic",
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

/** The columns that make an outbox event. */
export const outboxColumns: readonly string[] = [...baseColumns, "aggregate_type", "aggregate_id"];

/** The columns that make an inbox event. */
export const inboxColumns: readonly string[] = [
  ...baseColumns,
  "message_id",
  "consumer_group",
  "source",
  "sender_seq",
  "body",
];

/** What both tables return, as Prisma reads it from raw SQL. */
interface BaseRow {
  readonly seq: bigint;
  readonly id: string;
  readonly event_type: string;
  readonly schema_version: string;
  readonly topic: string;
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

interface OutboxRow extends BaseRow {
  readonly aggregate_type: string;
  readonly aggregate_id: string;
}

interface InboxTableRow extends BaseRow {
  readonly message_id: string;
  readonly consumer_group: string;
  readonly source: string;
  readonly sender_seq: bigint | null;
  readonly body: Uint8Array | null;
}

/** Makes the event of a row of {@link outboxColumns}. */
export function readOutboxRow(stored: StoredRow): OutboxEvent {
  const row = stored as unknown as OutboxRow;
  return Object.freeze(
    Object.assign(readBase(row), { aggregateType: row.aggregate_type, aggregateId: row.aggregate_id }),
  );
}

/** Makes the event of a row of {@link inboxColumns}. */
export function readInboxRow(stored: StoredRow): InboxEvent {
  const row = stored as unknown as InboxTableRow;
  const { message_id: messageId, consumer_group: consumerGroup, source, sender_seq: senderSeq, body } = row;
  return Object.freeze(Object.assign(readBase(row), { messageId, consumerGroup, source, senderSeq, body }));
}

/** To be added to with `Object.assign`: a spread of so many fields takes twenty times as long, and each event pays for it. */
function readBase(row: BaseRow): BaseEvent {
  const { lease_token: token, lease_until: until } = row;
  return {
    seq: row.seq,
    id: row.id,
    type: row.event_type,
    schemaVersion: row.schema_version,
    topic: row.topic,
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
  };
}
