import type { EventRef, EventStatus, InboxEventDraft, InboxRow } from "@omni-box/core";
import { scheduleTimes } from "./schedule-step.js";

/** What the store should hold of one message. */
export interface ModelRow extends EventRef {
  readonly message: number;
  readonly key: string;
  readonly maxAttempts: number;
  status: EventStatus;
  attemptsMade: number;
  startedAttempts: number;
  lastError: string | null;
  token: string | null;
  leaseEndsMs: number;
  notBeforeMs: number | null;
}

/** The simplest thing that behaves as an inbox repository should, step by step. */
export class InboxModel {
  readonly rows: ModelRow[] = [];
  private readonly effects = new Map<number, number>();
  private nowMs = 0;

  pass(ms: number): void {
    this.nowMs += ms;
  }

  rowOf(message: number): ModelRow | undefined {
    return this.rows.find((row) => row.message === message);
  }

  /** What a call that inserts these messages has to answer, before any of them is inserted. */
  answersFor(messages: readonly number[], keyOf: (message: number) => string, inOrder: boolean) {
    const pending = new Set(this.rows.filter(({ status }) => status === "pending").map(({ key }) => key));
    return messages.map((message, index) => {
      // A blocked copy is not stored, so the next one is no duplicate of it.
      const isBlocked = inOrder && pending.has(keyOf(message));
      if (this.rowOf(message) !== undefined) return "duplicate";
      if (isBlocked) return "blocked";
      return messages.indexOf(message) < index ? "duplicate" : "stored";
    });
  }

  insert(ref: EventRef, message: number, draft: InboxEventDraft, status: EventStatus): void {
    const fresh = { attemptsMade: 0, startedAttempts: 0, lastError: null, token: null, leaseEndsMs: 0 };
    const { partitionKey: key, maxAttempts } = draft;
    this.rows.push({ id: ref.id, seq: ref.seq, message, key, maxAttempts, status, ...fresh, notBeforeMs: null });
  }

  addEffect(message: number): void {
    this.effects.set(message, this.effectsOf(message) + 1);
  }

  effectsOf(message: number): number {
    return this.effects.get(message) ?? 0;
  }

  due(headsOnly: boolean): ModelRow[] {
    const pending = this.rows.filter(({ status }) => status === "pending").sort((a, b) => (a.seq < b.seq ? -1 : 1));
    const heads = new Map<string, ModelRow>();
    for (const row of pending) if (!heads.has(row.key)) heads.set(row.key, row);
    const candidates = headsOnly ? [...heads.values()] : pending;
    return candidates.filter((row) => !this.isLeased(row) && (row.notBeforeMs ?? 0) <= this.nowMs);
  }

  lease(row: ModelRow, token: string, marksSuspects: boolean): void {
    if (marksSuspects && row.token !== null && row.startedAttempts === 0) row.startedAttempts = 1;
    row.token = token;
    row.leaseEndsMs = this.nowMs + scheduleTimes.leaseMs;
  }

  /** The row if the fence still holds it. */
  held(ref: EventRef, token: string): ModelRow | undefined {
    const row = this.rows.find(({ seq }) => seq === ref.seq);
    return row?.status === "pending" && row.token === token ? row : undefined;
  }

  settle(
    row: ModelRow,
    status: EventStatus,
    outcome: Pick<InboxRow, "attemptsMade" | "startedAttempts" | "delayMs" | "error">,
  ): void {
    row.status = status;
    row.token = null;
    row.startedAttempts = outcome.startedAttempts;
    row.attemptsMade = Math.min(outcome.attemptsMade, row.maxAttempts);
    row.notBeforeMs = outcome.delayMs === null ? null : this.nowMs + outcome.delayMs;
    row.lastError = outcome.error ?? row.lastError;
  }

  private isLeased(row: ModelRow): boolean {
    return row.token !== null && row.leaseEndsMs > this.nowMs;
  }
}
