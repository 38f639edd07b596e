import { type InboxEventDraft, type InboxRow, OmniBoxError, partitionBucket } from "@omni-box/core";
import { prismaDefaults } from "../defaults.js";
import { historyEntrySql } from "./administration/history-sql.js";
import { earliestOfKey } from "./due-sql.js";
import type { EventTable } from "./event-table.js";
import { rowsJson } from "./rows-json.js";

/** What every message is inserted with, and how it is bound. */
const draftColumns = {
  id: "uuid",
  message_id: "text",
  consumer_group: "text",
  source: "text",
  sender_seq: "bigint",
  event_type: "text",
  schema_version: "text",
  topic: "text",
  partition_key: "text",
  bucket: "smallint",
  payload: "jsonb",
  headers: "jsonb",
  trace_id: "text",
  correlation_id: "text",
  causation_id: "text",
  max_attempts: "smallint",
} as const;

/** With the state in which a row begins. The rest is left to the table's defaults. */
const rowColumns = {
  ...draftColumns,
  status: "text",
  attempts_made: "smallint",
  started_attempts: "smallint",
  last_error: "text",
  body: "bytea",
} as const;

type DraftColumn = keyof typeof draftColumns;

const draftNames = Object.keys(draftColumns) as DraftColumn[];
const rowNames = Object.keys(rowColumns);
const jsonColumns = Object.entries({ ...rowColumns, delay_ms: "double precision" });

/** Keeps the handler's own setting while ours is in force; local to the transaction. */
const formerSetting = "omni_box.former_lock_timeout";

/**
 * For a single message that begins as completed: what the inline consumer runs for nearly every message, in half the time of
 * {@link insertManySql}. `VALUES` and not `SELECT … FROM (SELECT …)`, which took 170 µs longer of a transaction of 730.
 *
 * The last parameter bounds the wait for another transaction that inserts the same message. The setting is changed while the
 * row is made, before it is inserted, and changed back in what is returned. So it neither costs a statement of its own nor does
 * the handler notice. If nothing is inserted no handler runs, and the setting ends with the transaction.
 */
export function insertCompletedSql(table: EventTable, behindPending: "insert" | "leave"): string {
  const parameters = Object.entries(draftColumns).map(([name, type], index) => ({
    name,
    value: `$${index + 1}::${type}`,
  }));
  const [id, ...others] = parameters.map(({ value }) => value);
  const values = `
      -- CASE is evaluated in its order.
      CASE WHEN set_config('${formerSetting}', current_setting('lock_timeout'), true) IS NOT NULL
        THEN CASE WHEN set_config('lock_timeout', $${parameters.length + 1}::text, true) IS NOT NULL THEN ${id} END
      END,
      ${others.join(", ")}, 'completed', statement_timestamp()`;
  const message = `(SELECT ${parameters.map(({ name, value }) => `${value} AS ${name}`).join(", ")}) AS message`;
  return `
    INSERT INTO ${table.name} (${draftNames.join(", ")}, status, completed_at)
    ${behindPending === "insert" ? `VALUES (${values}\n    )` : `SELECT${values}\n    FROM ${message}\n    WHERE ${isNotBlocked(table)}`}
    ON CONFLICT DO NOTHING
    RETURNING set_config('lock_timeout', current_setting('${formerSetting}'), true) AS lock_timeout`;
}

/** The values of {@link insertCompletedSql}, but for the last one. */
export function draftValuesOf(draft: InboxEventDraft, bucketCount: number): readonly unknown[] {
  const record = draftRecord(draft, bucketCount);
  record.payload = JSON.stringify(draft.payload);
  record.headers = JSON.stringify(draft.headers);
  return draftNames.map((name) => record[name]);
}

/** A row that begins with a failure remembers it. */
const failure = { attemptsMade: "message.attempts_made", note: "message.last_error" };
const firstHistory = `CASE WHEN message.status = 'failed' THEN ${historyEntrySql("failed", failure)}
                  WHEN message.status = 'pending' AND message.attempts_made > 0 THEN ${historyEntrySql("retried", failure)}
                  ELSE '[]' END`;

/**
 * For any number of rows in any state. The numbers are drawn in the order given, but the rows are inserted in the order of their ids: two transactions
 * with the same messages in opposite order would else wait for each other.
 *
 * `$1` bounds the waits, as for a single message; here the setting is changed back when everything has been inserted and collected.
 *
 * @param sequence - the one of `seq`, qualified and quoted
 */
export function insertManySql(table: EventTable, sequence: string, behindPending: "insert" | "leave"): string {
  const typed = jsonColumns.map(([name, type]) => `${name} ${type}`).join(", ");
  return `
    WITH patience AS MATERIALIZED (
      SELECT setting.former, set_config('lock_timeout', $1::text, true) AS current
      FROM (SELECT current_setting('lock_timeout') AS former OFFSET 0) AS setting
    ), inserted AS (
      INSERT INTO ${table.name} (${rowNames.join(", ")}, next_attempt_at, completed_at, failed_at, history, seq)
      OVERRIDING SYSTEM VALUE
      SELECT ${rowNames.map((name) => `message.${name}`).join(", ")},
             statement_timestamp() + message.delay_ms * interval '1 millisecond',
             CASE WHEN message.status = 'completed' THEN statement_timestamp() END,
             CASE WHEN message.status = 'failed' THEN statement_timestamp() END,
             ${firstHistory}, message.seq
      FROM (
        SELECT ordered.*, nextval('${sequence.replaceAll("'", "''")}'::regclass) AS seq
        FROM (
          SELECT message.*
          FROM ROWS FROM (jsonb_to_recordset($2::jsonb) AS (${typed}))
            WITH ORDINALITY AS message (${jsonColumns.map(([name]) => name).join(", ")}, ord)
          ${behindPending === "leave" ? `WHERE ${isNotBlocked(table)}` : ""}
          ORDER BY message.ord
          OFFSET 0
        ) AS ordered
      ) AS message
      CROSS JOIN patience
      ORDER BY message.message_id COLLATE "C", message.consumer_group COLLATE "C", message.seq
      ON CONFLICT DO NOTHING
      RETURNING id
    )
    SELECT each.id, restored.lock_timeout
    FROM (SELECT array_agg(id) AS ids FROM inserted) AS collected
    CROSS JOIN LATERAL (
      SELECT set_config('lock_timeout', (SELECT former FROM patience), true) AS lock_timeout
      WHERE collected.ids IS NOT NULL OFFSET 0
    ) AS restored
    CROSS JOIN LATERAL unnest(collected.ids) AS each (id)`;
}

/** No other message of the key is pending. One that is stored already is let through, since it then is a duplicate. */
function isNotBlocked({ name, keyColumns }: EventTable): string {
  return `(
            (${earliestOfKey(name, keyColumns, "message")}) IS NULL OR EXISTS (
              SELECT FROM ${name} AS same
              WHERE same.message_id = message.message_id AND same.consumer_group = message.consumer_group
            )
          )`;
}

/** `$2` of {@link insertManySql}. */
export function insertedRowsJson(rows: readonly InboxRow[], bucketCount: number): string {
  return rowsJson(
    rows.map((row) => toRecord(row, bucketCount)),
    prismaDefaults.storeMaxBytes,
    tooLarge,
  );
}

function toRecord({ draft, ...row }: InboxRow, bucketCount: number): object {
  return Object.assign(draftRecord(draft, bucketCount), {
    status: row.status,
    attempts_made: Math.min(row.attemptsMade, draft.maxAttempts),
    started_attempts: row.startedAttempts,
    last_error: row.error,
    delay_ms: row.delayMs,
    body: draft.body === null ? null : toBytea(draft.body),
  });
}

function draftRecord(draft: InboxEventDraft, bucketCount: number): Record<DraftColumn, unknown> {
  return {
    id: draft.id,
    message_id: draft.messageId,
    consumer_group: draft.consumerGroup,
    source: draft.source,
    // As text: JSON knows no such integers.
    sender_seq: draft.senderSeq === null ? null : String(draft.senderSeq),
    event_type: draft.type,
    schema_version: draft.schemaVersion,
    topic: draft.topic,
    partition_key: draft.partitionKey,
    bucket: partitionBucket(draft.partitionKey, bucketCount),
    payload: draft.payload,
    headers: draft.headers,
    trace_id: draft.traceId,
    correlation_id: draft.correlationId,
    causation_id: draft.causationId,
    max_attempts: draft.maxAttempts,
  };
}

/** The text form of bytea. Hexadecimal digits take twice the space, and PostgreSQL reads them as they are. */
function toBytea(body: Uint8Array): string {
  const bytes = 2 * body.byteLength;
  if (bytes > prismaDefaults.storeMaxBytes) throw tooLarge(bytes);
  return `\\x${Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("hex")}`;
}

function tooLarge(bytes: number): OmniBoxError {
  const limit = prismaDefaults.storeMaxBytes;
  return new OmniBoxError(
    "STORE.DATA_ERROR",
    `messages of ${bytes} bytes or more were to be stored by one statement, which takes at most ${limit}: ` +
      "store fewer of them at once, and a large one without its body",
    { meta: { limit, bytes } },
  );
}
