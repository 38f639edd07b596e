import { randomBytes, randomInt } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { createInboxEventId, type InboxRow } from "@omni-box/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createSeededRandom, type SeededRandom } from "../../packages/conformance/src/schedule/seeded-random.js";
import { createTables, type Database, dropTables, openDatabase } from "../src/open-database.js";
import { databaseUrl } from "./chaos-scene.js";
import { startWorkerProcess, type WorkerProcess } from "./worker-process.js";

const groups = ["shipping", "billing"] as const;
const keys = Array.from({ length: 60 }, (_, index) => `key-${index}`);
/** The lease of `inbox-owner.ts`, and some more: by then another process has what a paused one had. */
const pastLeaseMs = 2_500;
const settled = { timeout: 40_000, interval: 100 };

let database: Database;
let workers: WorkerProcess[];

beforeEach(async () => {
  database = openDatabase(databaseUrl, `chaos_inbox_owners_${randomBytes(5).toString("hex")}`);
  workers = [];
  await createTables(database);
  await database.client.$executeRawUnsafe(
    `CREATE TABLE "${database.schema}".ordered_effect
       (position bigint GENERATED ALWAYS AS IDENTITY, consumer_group text NOT NULL, key text NOT NULL, number integer NOT NULL)`,
  );
});

afterEach(async () => {
  await Promise.all(workers.map((worker) => worker.kill()));
  await dropTables(database);
});

async function startWorker(consumerGroup: string): Promise<WorkerProcess> {
  const worker = startWorkerProcess("inbox-owner.js", [databaseUrl, database.schema, consumerGroup]);
  workers.push(worker);
  await worker.said("running");
  if (worker.hasEnded) throw new Error("the process ended while it started");
  return worker;
}

/** How many messages of each group and key were stored: they are numbered from 1 in that order. */
const stored = new Map<string, number>();

function nextRow(consumerGroup: string, partitionKey: string): InboxRow {
  const name = `${consumerGroup} ${partitionKey}`;
  const number = (stored.get(name) ?? 0) + 1;
  stored.set(name, number);
  const draft = {
    ...{ id: createInboxEventId(), messageId: `${partitionKey}-${number}`, consumerGroup, source: "chaos" },
    ...{ type: "thing.happened", schemaVersion: "1", topic: database.schema, partitionKey, payload: { number } },
    ...{
      headers: {},
      traceId: null,
      correlationId: null,
      causationId: null,
      maxAttempts: 10,
      senderSeq: null,
      body: null,
    },
  };
  return { draft, status: "pending", attemptsMade: 0, startedAttempts: 0, delayMs: null, error: null };
}

async function store(random: SeededRandom, count: number): Promise<void> {
  const rows = Array.from({ length: count }, () => nextRow(random.oneOf(groups), random.oneOf(keys)));
  await database.inbox.store(rows);
}

/** An inline handler beside it: its transaction has locked the table for as long as it is open. */
async function handleInline(forMs: number): Promise<void> {
  const { draft } = nextRow("inline", "inline");
  await database.inbox.transaction(
    async (tx) => {
      await tx.insertCompleted([draft], { behindPending: "insert" });
      await pause(forMs);
    },
    { timeoutMs: 20_000 },
  );
}

async function effects(): Promise<readonly { consumer_group: string; key: string; numbers: number[] }[]> {
  return database.client.$queryRawUnsafe(
    `SELECT consumer_group, key, array_agg(number ORDER BY position) AS numbers FROM "${database.schema}".ordered_effect
     GROUP BY consumer_group, key`,
  );
}

async function shares(consumerGroup: string): Promise<number[]> {
  const rows = await database.client.$queryRawUnsafe<{ owned: number }[]>(
    `SELECT count(*)::integer AS owned FROM "${database.schema}".inbox_bucket
     WHERE consumer_group = $1 AND owner IS NOT NULL AND lease_until > statement_timestamp() GROUP BY owner ORDER BY 1`,
    consumerGroup,
  );
  return rows.map(({ owned }) => owned);
}

test("processors that own buckets, killed, paused past their leases and stopped, apply each message once and each key in order, group by group", async () => {
  const seed = Number(process.env.CHAOS_SEED ?? randomInt(2 ** 31));
  console.log(`CHAOS_SEED=${seed}`);
  const random = createSeededRandom(seed);
  stored.clear();
  const [first, second, third] = await Promise.all(Array.from({ length: 3 }, () => startWorker("shipping")));
  await startWorker("billing");
  if (first === undefined || second === undefined || third === undefined)
    throw new Error("three processes were started");
  const applied = async () => (await effects()).reduce((sum, { numbers }) => sum + numbers.length, 0);
  const inTheMiddle = async () => {
    await store(random, 200);
    const from = await applied();
    await expect.poll(applied, settled).toBeGreaterThan(from + random.below(80));
  };

  await inTheMiddle();
  await first.kill();
  const replacement = await startWorker("shipping");
  const inline = Promise.all([handleInline(300), handleInline(1_800)]);
  await inTheMiddle();
  second.pause();
  const resumed = pause(pastLeaseMs).then(() => second.resume());
  await inTheMiddle();
  await third.stop();
  await inTheMiddle();
  await replacement.kill();
  await Promise.all([resumed, inline]);
  await startWorker("shipping");
  await store(random, 100);

  const pending = () => database.client.inboxEvent.count({ where: { status: { not: "completed" } } });
  await expect.poll(pending, settled).toBe(0);
  const expected = [...stored]
    .filter(([name]) => !name.startsWith("inline"))
    .map(([name, count]) => [name, Array.from({ length: count }, (_, index) => index + 1)]);
  const found = (await effects()).map(({ consumer_group, key, numbers }) => [`${consumer_group} ${key}`, numbers]);
  expect(Object.fromEntries(found)).toEqual(Object.fromEntries(expected));
  await expect.poll(() => shares("shipping"), settled).toEqual([32, 32]);
  expect(await shares("billing")).toEqual([64]);
}, 180_000);
