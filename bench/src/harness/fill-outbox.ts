import { defaults, partitionBucket } from "@omni-box/core";
import type pg from "pg";

/** Which events are made. */
export interface FillOptions {
  readonly events: number;
  /** How many partition keys they are spread over, in turn. */
  readonly keys: number;
  /** Begins the keys' names, so that two fills can have different ones. */
  readonly keyPrefix?: string;
  /** The number of the first event, in its payload. */
  readonly first?: number;
  /** `"later"`: pending, and scheduled for tomorrow; `"completed"`: published and kept. Default `"due"`. */
  readonly state?: "due" | "later" | "completed";
}

const eventsPerStatement = 100_000;
/** From so many on it is faster to make the indexes again than to grow them row by row. */
const rebuildIndexesFrom = 1_000_000;

/**
 * Inserts events as `outbox.add` would have, only faster; all of them become visible at once.
 *
 * @returns when the commit was answered, by `performance.now()`
 */
export async function fillOutbox(pool: pg.Pool, lane: string, options: FillOptions): Promise<number> {
  const { events, keys, keyPrefix = "order:", first = 0, state = "due" } = options;
  const names = Array.from({ length: keys }, (_, place) => `${keyPrefix}${place}`);
  const buckets = names.map((name) => partitionBucket(name, defaults.bucketCount));
  const isCompleted = state === "completed";
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    const indexes = events < rebuildIndexesFrom ? [] : await dropIndexes(client, lane);
    for (let begin = first; begin < first + events; begin += eventsPerStatement) {
      const end = Math.min(begin + eventsPerStatement, first + events) - 1;
      const scheduledAt = state === "later" ? new Date(Date.now() + 86_400_000) : null;
      const values = [begin, end, names, buckets, lane, isCompleted, scheduledAt];
      await client.query({ name: `fill ${lane}`, text: fillSql(lane), values });
    }
    for (const definition of indexes) await client.query(definition);
    await client.query("COMMIT");
    return performance.now();
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
}

/** Drops the indexes that no constraint stands on, and returns what makes them again. */
async function dropIndexes(client: pg.PoolClient, lane: string): Promise<readonly string[]> {
  const { rows } = await client.query<{ name: string; definition: string }>(
    `SELECT format('%I.%I', index.schemaname, index.indexname) AS name, index.indexdef AS definition
     FROM pg_indexes AS index
     WHERE index.schemaname = $1 AND index.tablename = 'outbox_event'
       AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = format('%I.%I', index.schemaname, index.indexname)::regclass)`,
    [lane],
  );
  for (const { name } of rows) await client.query(`DROP INDEX ${name}`);
  return rows.map(({ definition }) => definition);
}

/** The ids are UUIDs of version 7, as ours are: their index grows at its right end. */
const fillSql = (lane: string) => `
  INSERT INTO "${lane}".outbox_event (id, event_type, schema_version, topic, aggregate_type, aggregate_id, partition_key,
    bucket, payload, max_attempts, status, completed_at, scheduled_at)
  SELECT
    (lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') || '7'
      || substr(md5(n::text || random()::text), 1, 3) || 'a' || substr(md5(random()::text), 1, 15))::uuid,
    'order.placed', '1.0.0', $5::text, 'order', key.name, key.name, key.bucket,
    jsonb_build_object('orderId', n, 'customer', 'Ada Lovelace', 'note', repeat('x', 200)),
    ${defaults.maxAttempts},
    CASE WHEN $6::boolean THEN 'completed' ELSE 'pending' END,
    CASE WHEN $6::boolean THEN now() END,
    $7::timestamptz
  FROM generate_series($1::bigint, $2::bigint) AS n
  JOIN unnest($3::text[], $4::smallint[]) WITH ORDINALITY AS key (name, bucket, place)
    ON key.place = n % cardinality($3::text[]) + 1
  ORDER BY n`;
