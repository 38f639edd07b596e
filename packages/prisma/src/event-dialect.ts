import type {
  BaseEvent,
  ClaimRequest,
  DueQuery,
  EventRef,
  FailedRow,
  Fence,
  LeaseFence,
  LeaseRequest,
  PendingRow,
} from "@omni-box/core";
import type { Statement } from "./statement.js";

/** What tells producers and workers apart that do not fit together. */
export interface StoreSetting {
  readonly bucketCount: number;
  readonly hashVersion: number;
}

/** A row as the database returns it, before {@link EventDialect.readEvent}. */
export type StoredRow = Readonly<Record<string, unknown>>;

/**
 * The SQL that outbox and inbox have in common, in one database's language; everything else about it is common to all.
 *
 * Each method makes one statement. Its text is built once and only its values differ from call to call.
 */
export interface EventDialect<E extends BaseEvent> {
  /** This and the next four return rows for {@link EventDialect.readEvent}. */
  findById(id: string): Statement;
  findDue(query: DueQuery): Statement;
  claim(request: ClaimRequest): Statement;
  lock(id: string, lease: LeaseRequest): Statement;
  forceUnlock(id: string, reason: string): Statement;
  readEvent(row: StoredRow): E;

  /**
   * This and the next three change what the fence holds. They return the `seq` of each row that they did not change; under a
   * fence of buckets only of those that may still be pending in a bucket that is not held.
   */
  extendLease(fence: LeaseFence, rows: readonly EventRef[], leaseMs: number): Statement;
  recordCompleted(fence: Fence, rows: readonly EventRef[]): Statement;
  recordPending(fence: Fence, rows: readonly PendingRow[]): Statement;
  recordFailed(fence: Fence, rows: readonly FailedRow[]): Statement;
}
