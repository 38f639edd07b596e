import type { BaseEvent } from "../events/outbox-event.js";
import type { EventRef, EventRepository } from "../protocols/event-repository.js";
import type { Fence } from "../protocols/fence.js";
import type { CommitStrategy } from "./commit-strategy.js";
import type { DecidedRows } from "./decide-rows.js";
import { type OutcomeStatement, recordInOrder } from "./record-until-known.js";

const errorLeftOut = "the error could not be stored";

/** The outcome statements of a batch, in the order in which they are to run. */
export function outcomeStatements<E extends BaseEvent>(
  repository: EventRepository<E>,
  fence: Fence,
  { completed, pending, failed }: DecidedRows,
): readonly OutcomeStatement<EventRef>[] {
  return [
    // Completed first: a kill between the statements must not publish confirmed events again.
    statement({ rows: completed, record: (rows) => repository.recordCompleted(fence, rows), minimal: () => null }),
    statement({
      rows: failed,
      record: (rows) => repository.recordFailed(fence, rows),
      minimal: (row) => ({ ...row, error: errorLeftOut }),
    }),
    statement({
      rows: pending,
      record: (rows) => repository.recordPending(fence, rows),
      minimal: (row) => ({ ...row, error: errorLeftOut }),
    }),
  ];
}

/** Forgets the row type of a statement, which only the statement itself needs. */
function statement<Row extends EventRef>(typed: OutcomeStatement<Row>): OutcomeStatement<EventRef> {
  return typed as unknown as OutcomeStatement<EventRef>;
}

/** Records a batch with at most three statements: completed, failed, still pending. The default. */
export function bulkCommit(): CommitStrategy {
  return Object.freeze<CommitStrategy>({
    name: "bulkCommit",
    requires: ["bulkOutcomes"],
    commit: (repository, fence, rows, context) => recordInOrder(outcomeStatements(repository, fence, rows), context),
  });
}
