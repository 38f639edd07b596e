import {
  type BaseEvent,
  type EventStatus,
  type InboxEvent,
  type JsonObject,
  type OutboxEvent,
  withPayloadText,
} from "@omni-box/core";
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

/** JSON that a relay need not parse is left to whoever reads it. */
const jsonColumns: ReadonlySet<string> = new Set(["payload", "headers"]);
const asText = (column: string) => (jsonColumns.has(column) ? `${column}::text AS ${column}` : column);

/** The columns that make an outbox event, as items of a list of columns; each has its own name in the answer. */
export const outboxColumns: readonly string[] = [...baseColumns.map(asText), "aggregate_type", "aggregate_id"];

/** The columns that make an inbox event. */
export const inboxColumns: readonly string[] = [
  ...baseColumns,
  "message_id",
  "consumer_group",
  "source",
  "sender_seq",
  "body",
];

type Headers = Readonly<Record<string, string>>;

/** What both tables return, but for the JSON, as Prisma reads it from raw SQL. */
interface PlainRow {
  readonly seq: bigint;
  readonly id: string;
  readonly event_type: string;
  readonly schema_version: string;
  readonly topic: string;
  readonly partition_key: string;
  readonly bucket: number;
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

interface OutboxRow extends PlainRow {
  readonly payload: string;
  readonly headers: string;
  readonly aggregate_type: string;
  readonly aggregate_id: string;
}

interface InboxTableRow extends PlainRow {
  readonly payload: JsonObject;
  readonly headers: Headers;
  readonly message_id: string;
  readonly consumer_group: string;
  readonly source: string;
  readonly sender_seq: bigint | null;
  readonly body: Uint8Array | null;
}

/** Makes the event of a row of {@link outboxColumns}. */
export function readOutboxRow(stored: StoredRow): OutboxEvent {
  const row = stored as unknown as OutboxRow;
  const fields = Object.assign(readPlain(row, readHeaders(row.headers)), {
    aggregateType: row.aggregate_type,
    aggregateId: row.aggregate_id,
  });
  return withPayloadText<OutboxEvent>(fields, row.payload);
}

/** Makes the event of a row of {@link inboxColumns}. */
export function readInboxRow(stored: StoredRow): InboxEvent {
  const row = stored as unknown as InboxTableRow;
  const { message_id: messageId, consumer_group: consumerGroup, source, sender_seq: senderSeq, body } = row;
  const payload = Object.freeze(row.payload);
  const own = { payload, messageId, consumerGroup, source, senderSeq, body };
  return Object.freeze(Object.assign(readPlain(row, Object.freeze(row.headers)), own));
}

const noHeaders: Headers = Object.freeze({});

/** Most events have none. */
function readHeaders(text: string): Headers {
  return text === "{}" ? noHeaders : Object.freeze(JSON.parse(text) as Headers);
}

/** To be added to with `Object.assign`: a spread of so many fields takes twenty times as long, and each event pays for it. */
function readPlain(row: PlainRow, headers: Headers): Omit<BaseEvent, "payload"> {
  const { lease_token: token, lease_until: until } = row;
  return {
    seq: row.seq,
    id: row.id,
    type: row.event_type,
    schemaVersion: row.schema_version,
    topic: row.topic,
    partitionKey: row.partition_key,
    bucket: row.bucket,
    headers,
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
