import type { EventRef } from "@omni-box/core";
import { scheduleTimes } from "./schedule-step.js";

/** What the store should hold of one event. */
export interface ModelEvent extends EventRef {
  readonly key: string | null;
  readonly maxAttempts: number;
  status: "pending" | "failed" | "gone";
  attemptsMade: number;
  lastError: string | null;
  token: string | null;
  leaseEndsMs: number;
  notBeforeMs: number | null;
}

/** The simplest thing that behaves as an outbox repository should, step by step. */
export class OutboxModel {
  readonly events: ModelEvent[] = [];
  private nowMs = 0;

  pass(ms: number): void {
    this.nowMs += ms;
  }

  /** The event that is stored under the id, if any: a deleted one may have been added again. */
  stored(id: string): ModelEvent | undefined {
    return this.events.find((event) => event.id === id && event.status !== "gone");
  }

  add(event: EventRef & { readonly key: string | null; readonly maxAttempts: number }): void {
    const fresh = { status: "pending", attemptsMade: 0, lastError: null, token: null } as const;
    this.events.push({ ...event, ...fresh, leaseEndsMs: 0, notBeforeMs: null });
  }

  due(): ModelEvent[] {
    const due = this.events.filter(
      (event) => event.status === "pending" && !this.isLeased(event) && (event.notBeforeMs ?? 0) <= this.nowMs,
    );
    return due.sort((a, b) => (a.seq < b.seq ? -1 : 1));
  }

  canLock(event: ModelEvent): boolean {
    return event.status === "pending" && !this.isLeased(event);
  }

  lease(event: ModelEvent, token: string): void {
    event.token = token;
    event.leaseEndsMs = this.nowMs + scheduleTimes.leaseMs;
  }

  /** The event if the fence still holds it. */
  held(ref: EventRef, token: string): ModelEvent | undefined {
    const event = this.events.find(({ seq }) => seq === ref.seq);
    return event?.status === "pending" && event.token === token ? event : undefined;
  }

  release(event: ModelEvent, attemptsMade: number, delayMs: number | null, error: string | null): void {
    event.token = null;
    event.attemptsMade = Math.min(attemptsMade, event.maxAttempts);
    event.notBeforeMs = delayMs === null ? null : this.nowMs + delayMs;
    event.lastError = error ?? event.lastError;
  }

  fail(event: ModelEvent, attemptsMade: number, error: string): void {
    this.release(event, attemptsMade, null, error);
    event.status = "failed";
  }

  private isLeased(event: ModelEvent): boolean {
    return event.token !== null && event.leaseEndsMs > this.nowMs;
  }
}
