import { setTimeout as pause } from "node:timers/promises";
import type { Environment } from "./environment.js";
import type { Workers } from "./workers.js";

const pollMs = 5;

/** Waits until the queue holds so many messages. */
export async function untilArrived(
  { channel }: Environment,
  queue: string,
  messages: number,
  workers: Workers,
): Promise<void> {
  while ((await channel.checkQueue(queue)).messageCount < messages) {
    workers.assertRunning();
    await pause(pollMs);
  }
}

/** Waits until the outcomes of all events are recorded. */
export async function untilRecorded({ pool }: Environment, lane: string, workers: Workers): Promise<void> {
  const client = await pool.connect();
  try {
    // By the index: the table is full of rows that were just deleted.
    await client.query("SET enable_seqscan = off");
    const anyPending = `SELECT seq FROM "${lane}".outbox_event WHERE status = 'pending' LIMIT 1`;
    while ((await client.query(anyPending)).rows.length > 0) {
      workers.assertRunning();
      await pause(pollMs);
    }
    await client.query("RESET enable_seqscan");
  } finally {
    client.release();
  }
}

/** Waits until the processes share all buckets evenly. */
export async function untilShared({ pool }: Environment, lane: string, workers: Workers): Promise<void> {
  const sql = `
    SELECT count(DISTINCT owner) = $1 AND bool_and(owner IS NOT NULL)
      AND (SELECT max(owned) - min(owned) <= 1
           FROM (SELECT count(*) AS owned FROM "${lane}".outbox_bucket GROUP BY owner) AS share) AS shared
    FROM "${lane}".outbox_bucket`;
  for (let triesLeft = 600; triesLeft > 0; triesLeft -= 1) {
    workers.assertRunning();
    if ((await pool.query(sql, [workers.count])).rows[0].shared) return;
    await pause(100);
  }
  throw new Error(`${workers.count} processes do not share the buckets evenly after a minute`);
}
