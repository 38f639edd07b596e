import { OmniBoxError, type OutboxEventDraft, partitionBucket } from "@omni-box/core";
import { prismaDefaults } from "../defaults.js";
import type { StoreSetting } from "../event-dialect.js";
import type { Statement } from "../statement.js";
import { lockedSlotsSql, lockSlotsOf } from "./lock-keys.js";
import { rowsJson } from "./rows-json.js";

/** What the statement depends on; the tables' names are qualified and quoted. */
export interface AddStatementOptions {
  readonly event: string;
  readonly setting: string;
  /** Whether the partition keys are locked before anything is inserted. */
  readonly lockKeys: boolean;
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

/** Makes the statement for some drafts, to be refused unless the recorded setting is the expected one. */
export type AddStatement = (drafts: readonly OutboxEventDraft[], expected: StoreSetting) => Statement;

/**
 * One insert for any number of events, which travel as one JSON parameter: PostgreSQL takes 65,535 parameters, not more.
 *
 * - The join with the setting makes the database itself refuse buckets that its workers do not know.
 * - Identity values are drawn above the join and the sort, so `seq` follows the order given, and is drawn under the locks.
 * - Conflicts of any unique index are left out: the same id, or the same idempotency key.
 */
export function createAddStatement({ event, setting, lockKeys }: AddStatementOptions): AddStatement {
  const names = Object.keys(insertedColumns);
  const typed = Object.entries(insertedColumns).map(([name, type]) => `${name} ${type}`);
  const locked = lockKeys ? `CROSS JOIN (${lockedSlotsSql("$4")}\n    ) AS locked` : "";
  const sql = `
    INSERT INTO ${event} (${names.join(", ")})
    SELECT ${names.map((name) => `draft.${name}`).join(", ")}
    FROM ROWS FROM (jsonb_to_recordset($1::jsonb) AS (${typed.join(", ")}))
      WITH ORDINALITY AS draft (${names.join(", ")}, ord)
    CROSS JOIN ${setting} AS setting
    ${locked}
    WHERE setting.bucket_count = $2::integer AND setting.hash_version = $3::integer
      ${lockKeys ? "AND locked.slots > 0" : ""}
    ORDER BY draft.ord
    ON CONFLICT DO NOTHING
    RETURNING seq, id`;

  return (drafts, { bucketCount, hashVersion }) => {
    const rows = drafts.map((draft) => toRecord(draft, bucketCount));
    const values = [rowsJson(rows, prismaDefaults.addMaxBytes, tooLarge), bucketCount, hashVersion];
    return { sql, values: lockKeys ? [...values, lockSlotsOf(drafts)] : values };
  };
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

function tooLarge(bytes: number): OmniBoxError {
  const limit = prismaDefaults.addMaxBytes;
  return new OmniBoxError(
    "MESSAGE.INVALID_PAYLOAD",
    `the events of one add must have at most ${limit} bytes as JSON, they have ${bytes} or more: ` +
      "call add several times in the same transaction",
    { meta: { limit, bytes } },
  );
}
