import type { DeadLetterFailure, DeadLetterRef, TakeDeadLettersRequest } from "@omni-box/core";
import type { Statement } from "../../statement.js";
import type { EventTable } from "../event-table.js";
import { createParameters, fetchFilterSql } from "./filter-sql.js";
import { appendedHistorySql } from "./history-sql.js";

/** When a dead letter is due, in the words of the indexes `outbox_event_dead_letter_idx` and `inbox_event_dead_letter_idx`. */
const dueAt = "coalesce(event.dead_letter_at, event.failed_at, event.created_at)";

/** Beside the columns of the event. */
export interface DeadLetterColumns {
  readonly failed_at: Date;
  readonly dead_letter_attempts: number;
}

/**
 * Hides failed events from other dead-letter publishers, those first that have been due longest, as a claim does with pending ones.
 *
 * What a worker of a former version failed gets its time here, since the result is fenced by it.
 */
export function takeDeadLettersStatement(
  table: EventTable,
  { limit, leaseMs, filters }: TakeDeadLettersRequest,
): Statement {
  const parameters = createParameters();
  const limitSql = parameters.add(limit, "integer");
  const leaseSql = parameters.add(leaseMs, "double precision");
  const sql = `
    WITH due AS MATERIALIZED (
      SELECT event.seq FROM ${table.name} AS event
      WHERE event.status = 'failed' AND event.dead_lettered_at IS NULL
        AND ${dueAt} BETWEEN (SELECT '-infinity'::timestamptz) AND (SELECT statement_timestamp()::timestamptz(3))
        ${fetchFilterSql(table, filters, parameters)}
      ORDER BY ${dueAt}, event.seq
      LIMIT (SELECT ${limitSql})
      FOR UPDATE SKIP LOCKED
    ), taken AS (
      UPDATE ${table.name} AS event
      SET dead_letter_at = statement_timestamp() + ${leaseSql} * interval '1 millisecond',
          failed_at = coalesce(event.failed_at, statement_timestamp())
      WHERE event.seq = ANY (ARRAY (SELECT due.seq FROM due))
      RETURNING event.*
    )
    SELECT ${table.columns.join(", ")}, failed_at, dead_letter_attempts FROM taken ORDER BY seq`;
  return { sql, values: parameters.values };
}

/** The failure that was taken, and no later one of the same event. */
const isTheSame = `event.seq = given.seq AND event.status = 'failed' AND event.failed_at = given.failed_at
        AND event.dead_lettered_at IS NULL`;

/** Notes that dead letters are published. A repetition finds nothing to change. */
export function recordDeadLetteredSql({ name }: EventTable): string {
  return `
    UPDATE ${name} AS event
    SET dead_lettered_at = statement_timestamp(),
        dead_letter_at = NULL,
        history = ${appendedHistorySql("deadLettered", { attemptsMade: "event.attempts_made", note: "NULL::text" })}
    FROM jsonb_to_recordset($1::jsonb) AS given (seq bigint, failed_at timestamptz)
    WHERE ${isTheSame}`;
}

/** Notes that dead letters could not be published. A repetition raises no count, and so adds no entry. */
export function recordDeadLetterFailedSql({ name }: EventTable): string {
  return `
    UPDATE ${name} AS event
    SET dead_letter_attempts = least(given.attempts_made, 32767),
        dead_letter_at = statement_timestamp() + given.delay_ms * interval '1 millisecond',
        history = CASE WHEN given.attempts_made > event.dead_letter_attempts
                       THEN ${appendedHistorySql("deadLetterFailed", { attemptsMade: "event.attempts_made", note: "given.error" })}
                       ELSE event.history END
    FROM jsonb_to_recordset($1::jsonb)
      AS given (seq bigint, failed_at timestamptz, attempts_made integer, delay_ms double precision, error text)
    WHERE ${isTheSame}`;
}

/** `$1` of {@link recordDeadLetteredSql}, and of {@link recordDeadLetterFailedSql}; in one order, so that two of them cannot deadlock. */
export function deadLetterRowsJson(rows: readonly (DeadLetterRef | DeadLetterFailure)[]): string {
  const inOrder = [...rows].sort((a, b) => (a.seq < b.seq ? -1 : 1));
  return JSON.stringify(
    inOrder.map(({ seq, failedAt, ...row }) => ({
      seq: String(seq),
      failed_at: failedAt.toISOString(),
      ...("error" in row && { attempts_made: row.attemptsMade, delay_ms: row.delayMs, error: row.error }),
    })),
  );
}
