import type { JsonObject } from "./json.js";

/** Where an event is in its life. Being worked on is a lease, not a status. */
export type EventStatus = "pending" | "completed" | "failed";

/** A time-limited right to work on one event, fenced by its token. */
export interface EventLease {
  /** Random UUID of the claim; every write under the lease names it. */
  readonly token: string;
  /** When others may take the event over, on the database's clock. */
  readonly until: Date;
  /** Who holds it, for people to read. Never used as a fence. */
  readonly workerId: string;
}

/** What outbox and inbox events have in common: one stored row, as it was when it was read. */
export interface BaseEvent {
  /** Assigned by the database at insert; the order of events with the same partition key. */
  readonly seq: bigint;
  /** UUIDv7, or UUIDv5 of the idempotency key. Also the message id at the broker. */
  readonly id: string;
  readonly type: string;
  readonly schemaVersion: string;
  readonly topic: string;
  readonly partitionKey: string;
  /** `hash(partitionKey) % bucketCount`. */
  readonly bucket: number;
  readonly payload: JsonObject;
  readonly headers: Readonly<Record<string, string>>;
  readonly traceId: string | null;
  readonly correlationId: string | null;
  readonly causationId: string | null;
  readonly idempotencyKey: string | null;
  readonly status: EventStatus;
  /** Counted failures so far. */
  readonly attemptsMade: number;
  readonly maxAttempts: number;
  /** Lone starts without an outcome, counted only for suspects of having killed their process. */
  readonly startedAttempts: number;
  readonly lastError: string | null;
  readonly createdAt: Date;
  /** Not before this time, by the producer's wish. */
  readonly scheduledAt: Date | null;
  /** Not before this time, because it backs off. */
  readonly nextAttemptAt: Date | null;
  readonly completedAt: Date | null;
  readonly lease: EventLease | null;
}

/** One stored event that is to be published. */
export interface OutboxEvent extends BaseEvent {
  readonly aggregateType: string;
  readonly aggregateId: string;
}
