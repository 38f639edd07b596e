import { OmniBoxError, type OutboxEventDraft, partitionBucket } from "@omni-box/core";
import { prismaDefaults } from "../defaults.js";
import type { StoreSetting } from "../outbox-dialect.js";
import type { Statement } from "../statement.js";

/** The tables that the statement touches, qualified and quoted. */
export interface AddTables {
  readonly event: string;
  readonly setting: string;
}

/** What an event is inserted with, and how its JSON is read. The rest is left to the table's defaults. */
const insertedColumns = {
  id: "uuid",
  event_type: "text",
  schema_version: "text",
  topic: "text",
  aggregate_type: "text",
  aggregate_id: "text",
  partition_key: "text",
  bucket: "smallint",
  payload: "jsonb",
  headers: "jsonb",
  trace_id: "text",
  correlation_id: "text",
  causation_id: "text",
  idempotency_key: "text",
  max_attempts: "smallint",
  scheduled_at: "timestamptz",
} as const;

type InsertedColumn = keyof typeof insertedColumns;

/**
 * One insert for any number of events, which travel as one JSON parameter: PostgreSQL takes 65,535 parameters, not more.
 *
 * - The join with the setting makes the database itself refuse buckets that its workers do not know.
 * - Identity values are drawn above the sort, so `seq` follows the order given.
 * - Conflicts of any unique index are left out: the same id, or the same idempotency key.
 */
export function addSql({ event, setting }: AddTables): string {
  const names = Object.keys(insertedColumns);
  const typed = Object.entries(insertedColumns).map(([name, type]) => `${name} ${type}`);
  return `
    INSERT INTO ${event} (${names.join(", ")})
    SELECT ${names.map((name) => `draft.${name}`).join(", ")}
    FROM ROWS FROM (jsonb_to_recordset($1::jsonb) AS (${typed.join(", ")}))
      WITH ORDINALITY AS draft (${names.join(", ")}, ord)
    CROSS JOIN ${setting} AS setting
    WHERE setting.bucket_count = $2::integer AND setting.hash_version = $3::integer
    ORDER BY draft.ord
    ON CONFLICT DO NOTHING
    RETURNING seq, id`;
}

/** Binds the drafts to the statement of {@link addSql}. */
export function bindDrafts(sql: string, drafts: readonly OutboxEventDraft[], setting: StoreSetting): Statement {
  const json = JSON.stringify(drafts.map((draft) => toRecord(draft, setting.bucketCount)));
  // A UTF-16 unit takes at most three bytes, so most texts need not be counted.
  if (json.length * 3 > prismaDefaults.addMaxBytes) requireAcceptableSize(json);
  return { sql, values: [json, setting.bucketCount, setting.hashVersion] };
}

function toRecord(draft: OutboxEventDraft, bucketCount: number): Readonly<Record<InsertedColumn, unknown>> {
  return {
    id: draft.id,
    event_type: draft.type,
    schema_version: draft.schemaVersion,
    topic: draft.topic,
    aggregate_type: draft.aggregateType,
    aggregate_id: draft.aggregateId,
    partition_key: draft.partitionKey,
    bucket: partitionBucket(draft.partitionKey, bucketCount),
    payload: draft.payload,
    headers: draft.headers,
    // A key that is left out reads as null, and most events have none of these.
    trace_id: draft.traceId ?? undefined,
    correlation_id: draft.correlationId ?? undefined,
    causation_id: draft.causationId ?? undefined,
    idempotency_key: draft.idempotencyKey ?? undefined,
    max_attempts: draft.maxAttempts,
    scheduled_at: draft.scheduledAt ?? undefined,
  };
}

function requireAcceptableSize(json: string): void {
  const limit = prismaDefaults.addMaxBytes;
  const bytes = Buffer.byteLength(json);
  if (bytes <= limit) return;
  throw new OmniBoxError(
    "MESSAGE.INVALID_PAYLOAD",
    `the events of one add must have at most ${limit} bytes as JSON, they have ${bytes}: ` +
      "call add several times in the same transaction",
    { meta: { limit, bytes } },
  );
}
