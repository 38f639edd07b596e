import type { EventRef, FailedRow, PendingRow } from "@omni-box/core";
import type { FenceSql } from "./fence-sql.js";

/** Every outcome ends the lease, and the suspicion that the event kills its process. */
const released = "lease_token = NULL, lease_until = NULL, locked_by = NULL, started_attempts = 0";

/** Prefixed to the outcome statements: only what was not changed comes back, so the usual answer is empty. */
const missing = (given: string) => `SELECT seq FROM ${given} EXCEPT SELECT seq FROM changed`;

/** Deletes rows, or marks them as completed. `$1` holds their `seq`. */
export function recordCompletedSql(table: string, fence: FenceSql, onPublished: "delete" | "keep"): string {
  const change =
    onPublished === "delete"
      ? `DELETE FROM ${table} AS event`
      : `UPDATE ${table} AS event
         SET status = 'completed', completed_at = statement_timestamp(), next_attempt_at = NULL, ${released}`;
  return `
    WITH ${fence.with} changed AS (
      ${change}
      WHERE event.seq = ANY ($1::bigint[]) AND ${fence.condition}
      RETURNING event.seq
    )
    ${missing("unnest($1::bigint[]) AS given (seq)")}`;
}

/** Leases rows for longer. `$1` holds their `seq`, `$3` the milliseconds. */
export function extendLeaseSql(table: string, fence: FenceSql): string {
  return `
    WITH ${fence.with} changed AS (
      UPDATE ${table} AS event
      SET lease_until = statement_timestamp() + $3::double precision * interval '1 millisecond'
      WHERE event.seq = ANY ($1::bigint[]) AND ${fence.condition}
      RETURNING event.seq
    )
    ${missing("unnest($1::bigint[]) AS given (seq)")}`;
}

/** Releases rows as pending. Attempts are absolute and capped, so that repeating the statement changes nothing. */
export function recordPendingSql(table: string, fence: FenceSql): string {
  return `
    WITH given AS MATERIALIZED (
      SELECT * FROM jsonb_to_recordset($1::jsonb)
        AS given (seq bigint, attempts_made integer, delay_ms double precision, error text)
    ), ${fence.with} changed AS (
      UPDATE ${table} AS event
      SET attempts_made = least(given.attempts_made, event.max_attempts),
          next_attempt_at = statement_timestamp() + given.delay_ms * interval '1 millisecond',
          last_error = coalesce(given.error, event.last_error),
          ${released}
      FROM given
      WHERE event.seq = given.seq AND ${fence.condition}
      RETURNING event.seq
    )
    ${missing("given")}`;
}

/** Marks rows as failed. */
export function recordFailedSql(table: string, fence: FenceSql): string {
  return `
    WITH given AS MATERIALIZED (
      SELECT * FROM jsonb_to_recordset($1::jsonb) AS given (seq bigint, attempts_made integer, error text)
    ), ${fence.with} changed AS (
      UPDATE ${table} AS event
      SET status = 'failed',
          attempts_made = least(given.attempts_made, event.max_attempts),
          last_error = given.error,
          next_attempt_at = NULL,
          ${released}
      FROM given
      WHERE event.seq = given.seq AND ${fence.condition}
      RETURNING event.seq
    )
    ${missing("given")}`;
}

/** `$1` of the statements that need only the rows' `seq`, in one order for all, so that two of them cannot deadlock. */
export function seqsOf(rows: readonly EventRef[]): readonly bigint[] {
  return rows.map(({ seq }) => seq).sort((a, b) => (a < b ? -1 : 1));
}

/** `$1` of {@link recordPendingSql}. A bigint travels as text. */
export function pendingRowsJson(rows: readonly PendingRow[]): string {
  return JSON.stringify(
    rows.map(({ seq, attemptsMade, delayMs, error }) => ({
      seq: String(seq),
      attempts_made: attemptsMade,
      delay_ms: delayMs,
      error,
    })),
  );
}

/** `$1` of {@link recordFailedSql}. */
export function failedRowsJson(rows: readonly FailedRow[]): string {
  return JSON.stringify(
    rows.map(({ seq, attemptsMade, error }) => ({ seq: String(seq), attempts_made: attemptsMade, error })),
  );
}
