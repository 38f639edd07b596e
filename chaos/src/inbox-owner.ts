import { createEventRouter, createInboxProcessor, ownedBuckets, silentLogger } from "@omni-box/core";
import type { PrismaTransactionLike } from "@omni-box/prisma";
import { openDatabase } from "./open-database.js";

/** How long a bucket stays with an owner that was killed or paused. */
export const inboxOwnerLeaseMs = 1_500;

/**
 * An inbox processor that owns buckets, in a process of its own, to be paused and killed:
 * `node inbox-owner.js <database url> <schema> <consumer group>`. It stops at SIGTERM.
 *
 * Its handler writes one row into `ordered_effect`, takes a moment, and refuses each seventh message of a key once.
 */
const [databaseUrl, schema, consumerGroup] = process.argv.slice(2);
if (databaseUrl === undefined || schema === undefined || consumerGroup === undefined) {
  throw new Error("Usage: inbox-owner.js <database url> <schema> <consumer group>");
}

const { inbox } = openDatabase(databaseUrl, schema, { maxConnections: 10 });
const router = createEventRouter<PrismaTransactionLike>().on(
  { type: "thing.happened", topic: schema },
  async ({ partitionKey, payload }, { tx, attempt }) => {
    const sql = `INSERT INTO "${schema}".ordered_effect (consumer_group, key, number) VALUES ($1, $2, $3::integer)`;
    await tx.$executeRawUnsafe(sql, consumerGroup, partitionKey, payload.number);
    if (Number(payload.number) % 10 === 0) await tx.$executeRawUnsafe("SELECT pg_sleep(0.02)");
    if (Number(payload.number) % 7 === 0 && attempt === 1) throw new Error("it is refused once");
  },
);
const processor = createInboxProcessor({
  repository: inbox,
  consumerGroup,
  router,
  fetch: ownedBuckets({ leaseMs: inboxOwnerLeaseMs }),
  retry: { delayMs: () => 50 },
  concurrency: 5,
  batchSize: 20,
  pollMaxMs: 100,
  handlerTimeoutMs: 5_000,
  logger: silentLogger,
});
process.once("SIGTERM", async () => {
  await processor.stop();
  process.exit(0);
});
await processor.start();
console.log("running");
