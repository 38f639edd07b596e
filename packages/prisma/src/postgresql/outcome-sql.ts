import type { EventRef, FailedRow, PendingRow } from "@omni-box/core";
import { appendedHistorySql } from "./administration/history-sql.js";
import type { FenceSql } from "./fence-sql.js";

/** Every outcome ends the lease. */
const released = "lease_token = NULL, lease_until = NULL, locked_by = NULL";

/** A final one ends the suspicion that the event kills its process too. */
const settled = `${released}, started_attempts = 0`;

/** What completing a row sets that is kept. */
const completed = `status = 'completed', completed_at = statement_timestamp(), next_attempt_at = NULL, ${settled}`;

/** The rows as those statements get them that need only the `seq`. */
const givenSeqs = "unnest($1::bigint[]) AS given (seq)";

/**
 * Deletes rows, or marks them as completed. `$1` holds their `seq`.
 *
 * Like all statements here it returns what the fence kept from being written, so that the usual answer is empty.
 */
export function recordCompletedSql(table: string, fence: FenceSql, onCompleted: "delete" | "keep"): string {
  const change =
    onCompleted === "delete"
      ? `DELETE FROM ${table} AS event`
      : `UPDATE ${table} AS event
         SET ${completed}`;
  return `
    WITH ${fence.with} changed AS (
      ${change}
      WHERE event.seq = ANY ($1::bigint[]) AND ${fence.condition}
      ${fence.returning}
    )
    ${fence.missing(table, givenSeqs)}`;
}

/**
 * Completes one row in a transaction that has done more, and returns its `seq`. `$1` holds it.
 *
 * Under a fence of buckets the lock that it takes lasts until the transaction ends, so that nobody takes the bucket over in between.
 */
export function completeSql(table: string, fence: FenceSql): string {
  return `
    ${fence.with === "" ? "" : `WITH ${fence.with.replace(/,\s*$/, "")}`}
    UPDATE ${table} AS event SET ${completed}
    WHERE event.seq = $1::bigint AND ${fence.condition}
    RETURNING event.seq`;
}

/** Leases rows for longer. `$1` holds their `seq`, what follows the fence's parameters the milliseconds. */
export function extendLeaseSql(table: string, fence: FenceSql): string {
  return updateSql(
    table,
    fence,
    `lease_until = statement_timestamp() + ${fence.nextParameter}::double precision * interval '1 millisecond'`,
  );
}

/** Counts the starts of rows that may kill their process. `$1` holds their `seq`, what follows the fence's parameters the count. */
export function recordStartedSql(table: string, fence: FenceSql): string {
  return updateSql(table, fence, `started_attempts = ${fence.nextParameter}::smallint`);
}

function updateSql(table: string, fence: FenceSql, change: string): string {
  return `
    WITH ${fence.with} changed AS (
      UPDATE ${table} AS event
      SET ${change}
      WHERE event.seq = ANY ($1::bigint[]) AND ${fence.condition}
      ${fence.returning}
    )
    ${fence.missing(table, givenSeqs)}`;
}

/** What a failure is remembered by. */
const failure = { attemptsMade: "least(given.attempts_made, event.max_attempts)", note: "given.error" };

/**
 * Releases rows as pending. Attempts are absolute and capped, so that repeating the statement changes nothing.
 *
 * A failure is added to the history with the attempt that it raises the count by, so a repetition does not add it twice, and what
 * is only put off adds nothing.
 */
export function recordPendingSql(table: string, fence: FenceSql): string {
  return `
    WITH given AS MATERIALIZED (
      SELECT * FROM jsonb_to_recordset($1::jsonb)
        AS given (seq bigint, attempts_made integer, started_attempts smallint, delay_ms double precision, error text)
    ), ${fence.with} changed AS (
      UPDATE ${table} AS event
      SET attempts_made = least(given.attempts_made, event.max_attempts),
          next_attempt_at = statement_timestamp() + given.delay_ms * interval '1 millisecond',
          last_error = coalesce(given.error, event.last_error),
          started_attempts = given.started_attempts,
          history = CASE WHEN ${failure.attemptsMade} > event.attempts_made
                         THEN ${appendedHistorySql("retried", failure)} ELSE event.history END,
          ${released}
      FROM given
      WHERE event.seq = given.seq AND ${fence.condition}
      ${fence.returning}
    )
    ${fence.missing(table, "given")}`;
}

/** Marks rows as failed. Those that are already are not written again, by the fence. */
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
          failed_at = statement_timestamp(),
          -- Whoever requeued it by hand may have left these.
          dead_lettered_at = NULL, dead_letter_attempts = 0, dead_letter_at = NULL,
          history = ${appendedHistorySql("failed", failure)},
          ${settled}
      FROM given
      WHERE event.seq = given.seq AND ${fence.condition}
      ${fence.returning}
    )
    ${fence.missing(table, "given")}`;
}

/** `$1` of the statements that need only the rows' `seq`. */
export function seqsOf(rows: readonly EventRef[]): string {
  return bigintArray(inOrder(rows).map(({ seq }) => seq));
}

/** A `bigint[]` as its text, which the statement casts: the driver's writer of arrays makes several objects of each element. */
export function bigintArray(values: readonly bigint[]): string {
  return `{${values.join(",")}}`;
}

/** One order for all statements that lock several rows, so that two of them cannot deadlock: one is repeated while it still runs. */
function inOrder<Row extends EventRef>(rows: readonly Row[]): readonly Row[] {
  return [...rows].sort((a, b) => (a.seq < b.seq ? -1 : 1));
}

/** `$1` of {@link recordPendingSql}. A bigint travels as text. */
export function pendingRowsJson(rows: readonly PendingRow[]): string {
  return JSON.stringify(
    inOrder(rows).map(({ seq, attemptsMade, startedAttempts, delayMs, error }) => ({
      seq: String(seq),
      attempts_made: attemptsMade,
      started_attempts: startedAttempts,
      delay_ms: delayMs,
      error,
    })),
  );
}

/** `$1` of {@link recordFailedSql}. */
export function failedRowsJson(rows: readonly FailedRow[]): string {
  return JSON.stringify(
    inOrder(rows).map(({ seq, attemptsMade, error }) => ({ seq: String(seq), attempts_made: attemptsMade, error })),
  );
}
