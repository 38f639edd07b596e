import type { EventLease, OutboxEvent } from "../events/outbox-event.js";
import type { OutboxEventDraft } from "../events/outbox-event-draft.js";

/** One row of the memory store; changed in place, as a database row is. */
export type MemoryEventRow = { -readonly [Field in keyof OutboxEvent]: OutboxEvent[Field] };

/** What an insert adds to a draft. */
export interface InsertedFields {
  readonly seq: bigint;
  readonly bucket: number;
  readonly nowMs: number;
}

/** Makes the row that an insert stores. */
export function createRow(draft: OutboxEventDraft, { seq, bucket, nowMs }: InsertedFields): MemoryEventRow {
  const { schema: _notStored, ...stored } = draft;
  return {
    ...stored,
    seq,
    bucket,
    status: "pending",
    attemptsMade: 0,
    startedAttempts: 0,
    lastError: null,
    createdAt: new Date(nowMs),
    nextAttemptAt: null,
    completedAt: null,
    lease: null,
  };
}

/** The event as a reader sees it: later changes of the row do not show in it. */
export function readRow(row: MemoryEventRow): OutboxEvent {
  return Object.freeze({ ...row, lease: row.lease === null ? null : Object.freeze({ ...row.lease }) });
}

/** Whether someone's unexpired lease is on the row. */
export function isLeased(row: MemoryEventRow, nowMs: number): boolean {
  return row.lease !== null && row.lease.until.getTime() > nowMs;
}

/** Whether a claim may take the row. */
export function isDue(row: MemoryEventRow, nowMs: number): boolean {
  const notBefore = row.nextAttemptAt ?? row.scheduledAt;
  return row.status === "pending" && (notBefore === null || notBefore.getTime() <= nowMs) && !isLeased(row, nowMs);
}

/** Since when a due row has been due. */
export function dueAtMs({ nextAttemptAt, scheduledAt, createdAt }: MemoryEventRow): number {
  return (nextAttemptAt ?? scheduledAt ?? createdAt).getTime();
}

/** Makes the lease that a claim writes. */
export function createLease(token: string, workerId: string, untilMs: number): EventLease {
  return { token, workerId, until: new Date(untilMs) };
}
