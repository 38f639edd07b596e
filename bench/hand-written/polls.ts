import type { ClientBase } from "pg";

const columns = "seq, id, event_type, topic, partition_key, bucket, payload, headers, created_at";

/** Reads pending rows from the first one on. */
export async function readPending(client: ClientBase, table: string, limit: number): Promise<readonly unknown[]> {
  const text = `SELECT ${columns} FROM ${table} WHERE status = 'pending' ORDER BY seq LIMIT ${limit}`;
  return (await client.query({ name: `read ${table}`, text })).rows;
}

/** Reads pending rows whose time has come, by the index on that time. */
export async function findDue(client: ClientBase, table: string, limit: number): Promise<readonly unknown[]> {
  const dueAt = "coalesce(next_attempt_at, scheduled_at, created_at)";
  const text = `
    SELECT ${columns} FROM ${table}
    WHERE status = 'pending' AND ${dueAt} <= now()
    ORDER BY ${dueAt}, seq LIMIT ${limit}`;
  return (await client.query({ name: `due ${table}`, text })).rows;
}
