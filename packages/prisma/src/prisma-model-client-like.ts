import type { EventStatus, JsonObject } from "@omni-box/core";

/** What omni-box writes for a new event. */
export interface OutboxEventInsert {
  id: string;
  type: string;
  schemaVersion: string;
  topic: string;
  aggregateType: string;
  aggregateId: string;
  partitionKey: string;
  bucket: number;
  payload: JsonObject;
  headers: Record<string, string>;
  traceId: string | null;
  correlationId: string | null;
  causationId: string | null;
  idempotencyKey: string | null;
  scheduledAt: Date | null;
  maxAttempts: number;
}

/** The operations of the generated `outboxEvent` delegate that omni-box calls. */
export interface OutboxEventDelegateLike {
  findMany(args: object): PromiseLike<unknown[]>;
  findFirst(args: object): PromiseLike<unknown>;
  createMany(args: { data: OutboxEventInsert[]; skipDuplicates?: boolean }): PromiseLike<{ count: number }>;
  updateMany(args: { where: object; data: object }): PromiseLike<{ count: number }>;
  deleteMany(args: { where: object }): PromiseLike<{ count: number }>;
}

/** The operations of the generated `outboxSetting` delegate that omni-box calls. */
export interface OutboxSettingDelegateLike {
  findFirst(args: object): PromiseLike<{ bucketCount: number; hashVersion: number } | null>;
}

/** A transaction of a client that was generated from a schema with the models of `omni-box.prisma`. */
export interface PrismaModelTransactionLike {
  readonly outboxEvent: OutboxEventDelegateLike;
  readonly outboxSetting: OutboxSettingDelegateLike;
  readonly $connect?: undefined;
}

/** A client that was generated from a schema with the models of `omni-box.prisma`. */
export interface PrismaModelClientLike {
  readonly outboxEvent: OutboxEventDelegateLike;
  readonly outboxSetting: OutboxSettingDelegateLike;
  $connect(): PromiseLike<void>;
}

/** One row as the model `OutboxEvent` returns it. */
export interface OutboxEventRecord {
  readonly seq: bigint;
  readonly id: string;
  readonly type: string;
  readonly schemaVersion: string;
  readonly topic: string;
  readonly aggregateType: string;
  readonly aggregateId: string;
  readonly partitionKey: string;
  readonly bucket: number;
  readonly payload: JsonObject;
  readonly headers: Readonly<Record<string, string>>;
  readonly traceId: string | null;
  readonly correlationId: string | null;
  readonly causationId: string | null;
  readonly idempotencyKey: string | null;
  readonly status: EventStatus;
  readonly attemptsMade: number;
  readonly maxAttempts: number;
  readonly startedAttempts: number;
  readonly lastError: string | null;
  readonly createdAt: Date;
  readonly scheduledAt: Date | null;
  readonly nextAttemptAt: Date | null;
  readonly completedAt: Date | null;
  readonly leaseToken: string | null;
  readonly leaseUntil: Date | null;
  readonly lockedBy: string | null;
  readonly failedAt?: Date | null;
  readonly deadLetteredAt?: Date | null;
  readonly deadLetterAttempts?: number;
  readonly deadLetterAt?: Date | null;
  readonly history?: unknown;
}
