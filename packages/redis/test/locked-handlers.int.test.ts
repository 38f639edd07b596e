import { randomUUID } from "node:crypto";
import {
  createEventRouter,
  createInboxEventId,
  createInboxProcessor,
  exclusive,
  type InboxEvent,
  type InboxRow,
  silentLogger,
} from "@omni-box/core";
import { createMemoryInboxRepository, type MemoryTransaction } from "@omni-box/core/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createRedisLock } from "../src/index.js";
import { type PrivateRedis, startPrivateRedis } from "./private-redis.js";
import { createTestClient } from "./test-client.js";

const keys = Array.from({ length: 20 }, (_, index) => `order-${index}`);
const eventsPerKey = 30;
const within = { timeout: 50_000, interval: 5 };
const cleanUps: (() => unknown)[] = [];
let redis: PrivateRedis;

beforeEach(async () => {
  redis = await startPrivateRedis();
  cleanUps.push(redis.remove);
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

function rowOf(partitionKey: string, number: number): InboxRow {
  const messageId = `${partitionKey}/${number}`;
  const draft = {
    id: createInboxEventId(),
    messageId,
    consumerGroup: "shipping",
    source: "shipping.orders",
    type: "order.placed",
    schemaVersion: "1",
    topic: "orders",
    partitionKey,
    payload: {},
    headers: {},
    traceId: null,
    correlationId: null,
    causationId: null,
    maxAttempts: 10,
    senderSeq: null,
    body: null,
  };
  return { draft, status: "pending", attemptsMade: 0, startedAttempts: 0, delayMs: null, error: null };
}

/** Two processes that handle the events of one inbox, one event of a key at a time by the lock. */
async function startProcessors() {
  const inbox = createMemoryInboxRepository();
  const effects: string[] = [];
  const router = createEventRouter<MemoryTransaction>().on(
    { type: "order.placed", topic: "orders" },
    async ({ messageId }, { tx, signal }) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      signal.throwIfAborted();
      tx.onCommit(() => effects.push(messageId));
    },
  );
  const numbers = Array.from({ length: eventsPerKey }, (_, index) => index);
  await inbox.store(numbers.flatMap((number) => keys.map((key) => rowOf(key, number))));
  const keyPrefix = `test:${randomUUID()}:`;
  const processors = [1, 2].map(() => {
    const client = createTestClient(redis.port);
    cleanUps.push(() => client.disconnect());
    const lock = createRedisLock({ client, keyPrefix, logger: silentLogger });
    return createInboxProcessor({
      repository: inbox,
      router,
      consumerGroup: "shipping",
      ordering: "perKey",
      steps: [exclusive<InboxEvent>({ lock, key: ({ partitionKey }) => partitionKey, ttlMs: 2_000, pauseMs: 200 })],
      logger: silentLogger,
    });
  });
  for (const processor of processors) {
    await processor.start();
    cleanUps.push(() => processor.stop());
  }
  return { inbox, effects };
}

describe("locked handlers", () => {
  it("apply each event once, in the order of its key and without an attempt, while Redis is flushed, killed and stopped", async () => {
    const { inbox, effects } = await startProcessors();
    const total = keys.length * eventsPerKey;
    const done = (share: number) => expect.poll(() => effects.length, within).toBeGreaterThanOrEqual(total * share);
    await done(0.1);
    await redis.command("FLUSHALL");
    await done(0.3);
    await redis.kill();
    const atDeath = effects.length;
    await redis.start();
    await expect.poll(() => effects.length, within).toBeGreaterThan(atDeath + keys.length);
    await redis.freeze();
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    await redis.thaw();
    await done(1);
    expect(effects).toHaveLength(total);
    for (const key of keys) {
      const numbers = effects.filter((id) => id.startsWith(`${key}/`)).map((id) => Number(id.split("/")[1]));
      expect(numbers).toEqual(Array.from({ length: eventsPerKey }, (_, index) => index));
    }
    expect(inbox.all().filter(({ attemptsMade, status }) => attemptsMade > 0 || status !== "completed")).toEqual([]);
  });
});
