import type { Database } from "../src/open-database.js";

/** Puts events into the outbox that have failed; returns their ids in `seq` order. */
export async function storeFailedEvents(
  { client, schema }: Database,
  topic: string,
  count: number,
  error = "BROKER.NACKED: the broker refused it",
): Promise<readonly string[]> {
  const rows = await client.$queryRawUnsafe<{ id: string }[]>(
    `INSERT INTO "${schema}".outbox_event (id, event_type, schema_version, topic, aggregate_type, aggregate_id, partition_key, bucket,
       payload, max_attempts, attempts_made, status, failed_at, last_error)
     SELECT gen_random_uuid(), 'order.placed', '1', $1, 'order', i::text, i::text, 0, '{"secret": "tomato"}', 10, 10, 'failed',
            statement_timestamp(), $3
     FROM generate_series(1, $2::integer) AS i
     RETURNING id`,
    topic,
    count,
    error,
  );
  return rows.map(({ id }) => id);
}
