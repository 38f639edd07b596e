import { randomUUID } from "node:crypto";

/** The part of a Prisma transaction that is used. */
interface Transaction {
  $executeRawUnsafe(sql: string, ...values: unknown[]): PromiseLike<number>;
}

/** Inserts events into the outbox in one statement, as somebody would who has just the table: nothing is checked. */
export async function insertEvents(
  tx: Transaction,
  table: string,
  topic: string,
  events: readonly { readonly aggregateId: number; readonly payload: unknown }[],
): Promise<void> {
  await tx.$executeRawUnsafe(
    `INSERT INTO ${table} (id, event_type, schema_version, topic, aggregate_type, aggregate_id, partition_key, bucket, payload,
       max_attempts)
     SELECT id, 'order.placed', '1.0.0', $1::text, 'order', aggregate_id, aggregate_id, 0, payload::jsonb, 10
     FROM unnest($2::uuid[], $3::text[], $4::text[]) AS event (id, aggregate_id, payload)`,
    topic,
    events.map(() => randomUUID()),
    events.map(({ aggregateId }) => String(aggregateId)),
    events.map(({ payload }) => JSON.stringify(payload)),
  );
}
