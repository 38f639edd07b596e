import { defaults } from "../defaults.js";
import { describeFailure } from "../errors/describe-failure.js";
import { isOmniBoxError } from "../errors/omni-box-error.js";
import { waitOrAbort } from "../internal/wait-or-abort.js";
import type { EventRef, OutcomeReceipt } from "../protocols/event-repository.js";
import { fullJitterBackoffMs } from "../resilience/backoff.js";
import type { CommitContext, CommitReport } from "./commit-strategy.js";

/** One outcome statement over some rows, and what may be written when the store refuses a value. */
export interface OutcomeStatement<Row extends EventRef> {
  readonly rows: readonly Row[];
  record(rows: readonly Row[]): Promise<OutcomeReceipt>;
  /** The row without anything that the store might refuse; `null` when there is nothing to leave out. */
  minimal(row: Row): Row | null;
}

const nothing: CommitReport = { lost: [], uncertain: [], unrecorded: [] };

/**
 * Runs an outcome statement until its result is known or the worker gives up.
 *
 * An unanswered statement may have been executed, so it is repeated: outcomes are absolute values and fenced, hence repeating
 * is harmless, while forgetting a confirmed event would publish it again. A value that the store refuses is isolated by
 * repeating the statement row by row.
 */
export async function recordUntilKnown<Row extends EventRef>(
  statement: OutcomeStatement<Row>,
  context: CommitContext,
): Promise<CommitReport> {
  const { rows } = statement;
  if (rows.length === 0) return nothing;
  for (let failures = 0; ; ) {
    try {
      const { missing } = await statement.record(rows);
      context.store.succeeded(statement);
      return failures === 0 ? { ...nothing, lost: missing } : { ...nothing, uncertain: missing };
    } catch (error) {
      if (isOmniBoxError(error, "STORE.DATA_ERROR")) {
        context.store.succeeded(statement);
        return isolateBadRow(statement, error, context);
      }
      failures += 1;
      context.store.failed(describeFailure(error), statement);
      if (context.abandon.aborted) return { ...nothing, unrecorded: rows };
      const delayMs = fullJitterBackoffMs(failures, defaults.outageBaseMs, defaults.outageMaxMs);
      await waitOrAbort(context.clock, delayMs, context.abandon);
    }
  }
}

async function isolateBadRow<Row extends EventRef>(
  statement: OutcomeStatement<Row>,
  error: unknown,
  context: CommitContext,
): Promise<CommitReport> {
  const [row, ...others] = statement.rows;
  if (row === undefined) return nothing;
  if (others.length > 0) return recordInOrder(oneByOne(statement), context);
  const minimal = statement.minimal(row);
  if (minimal === null) {
    context.logger.error({ eventId: row.id, ...describeFailure(error) }, "the store refuses the outcome of an event");
    return { ...nothing, unrecorded: [row] };
  }
  return recordUntilKnown({ ...statement, rows: [minimal], minimal: () => null }, context);
}

/** The statement once for each of its rows. */
export function oneByOne<Row extends EventRef>(statement: OutcomeStatement<Row>): OutcomeStatement<Row>[] {
  return statement.rows.map((row) => ({ ...statement, rows: [row] }));
}

/**
 * Runs several statements one after the other. When the worker has given up and the store does not answer, the rest is not
 * tried: each of them could take as long as the store's time-out.
 */
export async function recordInOrder<Row extends EventRef>(
  statements: readonly OutcomeStatement<Row>[],
  context: CommitContext,
): Promise<CommitReport> {
  const reports: CommitReport[] = [];
  let isHopeless = false;
  for (const statement of statements) {
    if (isHopeless) reports.push({ ...nothing, unrecorded: statement.rows });
    else reports.push(await recordUntilKnown(statement, context));
    isHopeless = context.abandon.aborted && context.store.isOpen;
  }
  return mergeReports(reports);
}

/** Adds reports up. */
export function mergeReports(reports: readonly CommitReport[]): CommitReport {
  return {
    lost: reports.flatMap(({ lost }) => lost),
    uncertain: reports.flatMap(({ uncertain }) => uncertain),
    unrecorded: reports.flatMap(({ unrecorded }) => unrecorded),
  };
}
