import type {
  BaseEvent,
  DeadLetterFailure,
  DeadLetterRef,
  EventChangeRequest,
  EventListQuery,
  RemoveOldRequest,
  TakeDeadLettersRequest,
} from "@omni-box/core";
import type { StoredRow } from "./event-dialect.js";
import type { Statement } from "./statement.js";

/** The SQL of `EventAdministration`, in one database's language. Each method makes one statement. */
export interface AdministrationDialect<E extends BaseEvent> {
  readEvent(row: StoredRow): E;
  /** This and the next one return rows for {@link AdministrationDialect.readEvent} with `AdministrationColumns`. */
  list(query: EventListQuery): Statement;
  find(id: string): Statement;
  /** Returns one `ChangeRow`. */
  change(change: "requeue" | "skip" | "purge", request: EventChangeRequest): Statement;
  /** Returns `BlockedKeyRow`. */
  blockedKeys(limit: number, consumerGroup: string | undefined): Statement;
  /** Returns one `StatisticsRow`. */
  statistics(countLimit: number, consumerGroup: string | undefined): Statement;
  /** This and the next one return one `CountRow`. */
  removeOld(request: RemoveOldRequest): Statement;
  releaseExpiredLeases(limit: number): Statement;
  /** Returns rows for {@link AdministrationDialect.readEvent} with `DeadLetterColumns`. */
  takeDeadLetters(request: TakeDeadLettersRequest): Statement;
  recordDeadLettered(rows: readonly DeadLetterRef[]): Statement;
  recordDeadLetterFailed(rows: readonly DeadLetterFailure[]): Statement;
}
