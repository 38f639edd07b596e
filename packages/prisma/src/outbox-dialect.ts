import type {
  ClaimRequest,
  DueQuery,
  EventRef,
  FailedRow,
  Fence,
  LeaseFence,
  LeaseRequest,
  OutboxEvent,
  OutboxEventDraft,
  PendingRow,
} from "@omni-box/core";
import type { Statement } from "./statement.js";

/** What tells producers and workers apart that do not fit together. */
export interface StoreSetting {
  readonly bucketCount: number;
  readonly hashVersion: number;
}

/** A row as the database returns it, before {@link OutboxDialect.readEvent}. */
export type StoredRow = Readonly<Record<string, unknown>>;

/**
 * The SQL of an outbox repository in one database's language; everything else about it is common to all.
 *
 * Each method makes one statement. Its text is built once and only its values differ from call to call.
 */
export interface OutboxDialect {
  /** Inserts in the order given and returns `seq` and `id` of what was inserted; nothing when the setting differs. */
  add(drafts: readonly OutboxEventDraft[], setting: StoreSetting): Statement;
  /** Returns the recorded setting as `bucket_count` and `hash_version`. */
  setting(): Statement;

  /** This and the next four return rows for {@link OutboxDialect.readEvent}. */
  findById(id: string): Statement;
  findDue(query: DueQuery): Statement;
  claim(request: ClaimRequest): Statement;
  lock(id: string, lease: LeaseRequest): Statement;
  forceUnlock(id: string, reason: string): Statement;
  readEvent(row: StoredRow): OutboxEvent;

  /** This and the next three change what the fence holds and return the `seq` of each row that they did not change. */
  extendLease(fence: LeaseFence, rows: readonly EventRef[], leaseMs: number): Statement;
  recordCompleted(fence: Fence, rows: readonly EventRef[]): Statement;
  recordPending(fence: Fence, rows: readonly PendingRow[]): Statement;
  recordFailed(fence: Fence, rows: readonly FailedRow[]): Statement;
}
