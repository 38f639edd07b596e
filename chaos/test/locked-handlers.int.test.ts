import { createInboxConsumer, exclusive, type InboxConsumer, type InboxEvent, type Step } from "@omni-box/core";
import { createRabbitMqConsumer } from "@omni-box/rabbitmq";
import { createRedisLock, redisClientOptions } from "@omni-box/redis";
import { connect } from "amqplib";
import { Redis } from "ioredis";
import { afterEach, expect, test } from "vitest";
import { type PrivateRedis, startPrivateRedis } from "../../packages/redis/test/private-redis.js";
import { createEffectRouter } from "../src/effects.js";
import { type InboxScene, messagesOf, onceEach, openInboxScene } from "./inbox-scene.js";
import { createRecordingLogger, type RecordingLogger } from "./recording-logger.js";

const settled = { timeout: 100_000 };
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanups.splice(0).reverse()) await cleanUp();
});

function lockBy(redis: PrivateRedis, keyPrefix: string, logger: RecordingLogger): Step<InboxEvent> {
  const client = new Redis(redis.url, redisClientOptions);
  client.on("error", () => undefined);
  cleanups.push(() => client.disconnect());
  const lock = createRedisLock({ client, keyPrefix, logger });
  return exclusive({ lock, key: ({ partitionKey }) => partitionKey, ttlMs: 2_000, waitMs: 300, pauseMs: 300 });
}

function createConsumer(scene: InboxScene, step: Step<InboxEvent>, logger: RecordingLogger): InboxConsumer {
  const inbox = createInboxConsumer({
    consumer: createRabbitMqConsumer({
      connect: () => connect(`${scene.amqpUrl}?heartbeat=10`, { noDelay: true, timeout: 5_000 }),
      queue: scene.name,
      bindings: [{ exchange: scene.name, routingKey: scene.name }],
      logger,
    }),
    repository: scene.database.inbox,
    consumerGroup: "chaos",
    router: createEffectRouter(scene.name),
    steps: [step],
    concurrency: 4,
    logger,
  });
  cleanups.push(() => inbox.stop());
  return inbox;
}

test("handlers that take turns by a lock apply each message once, and spend no attempt, while Redis is flushed, killed and stopped", async () => {
  const redis = await startPrivateRedis();
  cleanups.push(redis.remove);
  const scene = await openInboxScene();
  cleanups.push(() => scene.close());
  const logger = createRecordingLogger();
  const messages = messagesOf("locked", 800).map((message, index) => ({ ...message, key: `order-${index % 40}` }));
  const applied = async () => Object.keys(await scene.effects()).length;
  const appliedMoreThan = (count: number) => expect.poll(applied, settled).toBeGreaterThan(count);

  for (let process = 0; process < 2; process += 1) {
    const inbox = createConsumer(scene, lockBy(redis, scene.name, logger), logger);
    await inbox.start();
  }
  await scene.publish(messages.slice(0, 500));
  await appliedMoreThan(50);
  await redis.command("FLUSHALL");
  await appliedMoreThan(150);
  await redis.kill();
  await expect.poll(() => logger.count("the store of the locks does not answer"), settled).toBeGreaterThan(0);
  await scene.publish(messages.slice(500));
  await redis.start();
  await appliedMoreThan(600);
  await redis.freeze();
  await expect.poll(() => logger.count("the store of the locks does not answer"), settled).toBeGreaterThan(1);
  await redis.thaw();

  await expect.poll(applied, settled).toBe(messages.length);
  await expect.poll(() => scene.rows(), settled).toEqual([{ status: "completed", events: 800, attempts: 0 }]);
  expect(await scene.effects()).toEqual(onceEach(messages));
}, 180_000);
