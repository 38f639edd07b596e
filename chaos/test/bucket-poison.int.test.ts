import { setTimeout as pause } from "node:timers/promises";
import { partitionBucket } from "@omni-box/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { shortTimes } from "../src/owned-relay.js";
import { type OrderedScene, openOrderedScene } from "./ordered-scene.js";

/** Each death costs a lease. */
const times = { ...shortTimes, leaseMs: 1_000, publishTimeoutMs: 500, takeoverGraceMs: 1_000 };
const bucketOf = (key: string) => partitionBucket(key, 64);
const poisonKey = "poison";
const candidates = Array.from({ length: 2_000 }, (_, index) => `key-${index}`);
/** Keys whose events lie in the very bucket, and keys whose events lie elsewhere. */
const neighbours = candidates.filter((key) => bucketOf(key) === bucketOf(poisonKey)).slice(0, 6);
const others = candidates.filter((key) => bucketOf(key) !== bucketOf(poisonKey)).slice(0, 30);

let scene: OrderedScene;

beforeEach(async () => {
  scene = await openOrderedScene([poisonKey, ...neighbours, ...others]);
});

afterEach(async () => {
  await scene.close();
});

/** Starts the next process whenever one has been killed, until the work is done; returns how many were killed. */
async function keepAlive(isDone: () => Promise<boolean>): Promise<number> {
  let deaths = 0;
  let worker = await scene.startWorker("poison", times);
  while (!(await isDone())) {
    // The database gives no sign of what is committed, so it is asked ten times a second.
    await Promise.race([worker.ended, pause(100)]);
    if (!worker.hasEnded) continue;
    deaths += 1;
    worker = await scene.startWorker("poison", times);
  }
  return deaths;
}

test("an event that kills its relay fails after three lone starts, its key waits, and all other events are published in order", async () => {
  const { client } = scene.database;
  const all = [...neighbours, ...others];
  await scene.writer.write({ keys: [...all, poisonKey, ...all] });
  const poisoned = scene.writer.committed.length;
  await scene.writer.write({ keys: [poisonKey], type: "poison" });
  // One more behind the poison, that a failed event keeps from being published.
  await scene.writer.write({ keys: [...all, poisonKey, ...all] });
  const [poison] = scene.writer.committed.slice(poisoned, poisoned + 1);
  const behind = scene.writer.committed.slice(poisoned + 1).filter(({ partitionKey }) => partitionKey === poisonKey);
  const published = scene.writer.committed.filter((event) => event !== poison && !behind.includes(event));

  const deaths = await keepAlive(async () => {
    const completed = await client.outboxEvent.count({ where: { status: "completed" } });
    return completed === published.length && (await client.outboxEvent.count({ where: { status: "failed" } })) > 0;
  });
  console.log(`${deaths} processes were killed`);
  // Two take-overs until the bucket is suspect, then three lone starts.
  expect(deaths).toBe(5);
  const unfinished = await client.outboxEvent.findMany({
    where: { status: { not: "completed" } },
    select: { id: true, status: true, lastError: true },
    orderBy: { seq: "asc" },
  });
  expect(unfinished).toEqual([
    { id: poison?.id, status: "failed", lastError: expect.stringContaining("OUTBOX.CRASHED") },
    ...behind.map(({ id }) => ({ id, status: "pending", lastError: null })),
  ]);
  const repeated = scene.expectOrder(published);
  console.log(`${repeated} of ${published.length} events were repeated`);
}, 120_000);
