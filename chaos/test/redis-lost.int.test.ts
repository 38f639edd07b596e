import { createInboxConsumer, createMaintenance, exclusive, type InboxEvent } from "@omni-box/core";
import { createPrismaInboxAdministration, createPrismaOutboxAdministration } from "@omni-box/prisma";
import { createRabbitMqConsumer } from "@omni-box/rabbitmq";
import { createRedisLock, redisClientOptions } from "@omni-box/redis";
import { connect } from "amqplib";
import { Redis } from "ioredis";
import { afterEach, expect, test } from "vitest";
import { type PrivateRedis, startPrivateRedis } from "../../packages/redis/test/private-redis.js";
import { createEffectRouter } from "../src/effects.js";
import { type InboxScene, onceEach, openInboxScene, type SceneMessage } from "./inbox-scene.js";
import { createRecordingLogger, type RecordingLogger } from "./recording-logger.js";

const settled = { timeout: 90_000, interval: 100 };
const oldEvents = 20_000;
const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanups.splice(0).reverse()) await cleanUp();
});

/** A lock with a Redis client of its own, as another process would have. */
function openLock(redis: PrivateRedis) {
  const client = new Redis(redis.port, "127.0.0.1", redisClientOptions);
  client.on("error", () => undefined);
  cleanups.push(async () => client.disconnect());
  return createRedisLock({ client, logger: createRecordingLogger() });
}

/** One instance of a service: its handlers take turns by key, and its maintenance takes turns with the other instance's. */
async function startInstance(scene: InboxScene, redis: PrivateRedis, logger: RecordingLogger) {
  const { database, name } = scene;
  const lock = openLock(redis);
  const inbox = createInboxConsumer({
    consumer: createRabbitMqConsumer({
      connect: () => connect(`${scene.amqpUrl}?heartbeat=10`, { noDelay: true, timeout: 5_000 }),
      queue: name,
      bindings: [{ exchange: name, routingKey: name }],
      prefetch: 50,
      logger,
    }),
    repository: database.inbox,
    consumerGroup: "chaos",
    router: createEffectRouter(name),
    steps: [exclusive<InboxEvent>({ lock, key: ({ partitionKey }) => partitionKey, ttlMs: 2_000, pauseMs: 100 })],
    concurrency: 4,
    processor: { concurrency: 2, pollMaxMs: 200 },
    logger,
  });
  const options = { schema: database.schema };
  const maintenance = createMaintenance({
    outbox: { administration: createPrismaOutboxAdministration(database.client, options), keepCompletedDays: 1 },
    inbox: { administration: createPrismaInboxAdministration(database.client, options) },
    lock,
    lockKey: name,
    everyMs: 1_000,
    batchSize: 200,
    batchPauseMs: 100,
    logger: createRecordingLogger(),
  });
  cleanups.push(() => inbox.stop());
  cleanups.push(() => maintenance.stop());
  await inbox.start();
  await maintenance.start();
  return { inbox, maintenance };
}

async function addOldEvents({ database, name }: InboxScene): Promise<void> {
  await database.client.$executeRawUnsafe(
    `INSERT INTO "${database.schema}".outbox_event (id, event_type, schema_version, topic, aggregate_type, aggregate_id,
       partition_key, bucket, payload, max_attempts, status, completed_at)
     SELECT gen_random_uuid(), 'thing.happened', '1', $1, 'thing', n::text, n::text, n % 64, '{}', 10, 'completed',
       CASE WHEN n <= $2::integer THEN now() - interval '2 days' ELSE now() END
     FROM generate_series(1, $2::integer + 100) AS n`,
    name,
    oldEvents,
  );
}

test("a Redis that is flushed, killed, started again empty and stopped for a while disturbs neither locked handlers nor maintenance: every effect once, no attempt spent", async () => {
  const redis = await startPrivateRedis();
  cleanups.push(() => redis.remove());
  const scene = await openInboxScene();
  cleanups.push(() => scene.close());
  await addOldEvents(scene);
  const handlers = createRecordingLogger();
  const instances = [await startInstance(scene, redis, handlers), await startInstance(scene, redis, handlers)];
  const outagesTold = () => handlers.count("the store of the locks does not answer");
  const messages: readonly SceneMessage[] = Array.from({ length: 1_500 }, (_, number) => ({
    id: `locked-${String(number).padStart(4, "0")}`,
    key: `key-${number % 30}`,
  }));
  const applied = async () => Object.keys(await scene.effects()).length;
  const left = () => scene.database.client.outboxEvent.count();

  await scene.publish(messages.slice(0, 500));
  for (const share of [100, 200, 300]) {
    await expect.poll(applied, settled).toBeGreaterThan(share);
    await redis.command("FLUSHALL");
  }
  const toldBeforeKill = outagesTold();
  await redis.kill();
  await scene.publish(messages.slice(500, 1_000));
  await expect.poll(outagesTold, settled).toBeGreaterThan(toldBeforeKill);
  // Without locks nothing is handled that asks for one, and the maintenance goes on.
  const leftAtKill = await left();
  await expect.poll(left, settled).toBeLessThan(leftAtKill);
  await redis.start();
  await expect.poll(applied, settled).toBeGreaterThan(700);
  const toldBeforeFreeze = outagesTold();
  await redis.freeze();
  await scene.publish(messages.slice(1_000));
  await expect.poll(outagesTold, settled).toBeGreaterThan(toldBeforeFreeze);
  await redis.thaw();

  await expect.poll(applied, settled).toBe(messages.length);
  await expect.poll(() => scene.rows(), settled).toEqual([{ status: "completed", events: 1_500, attempts: 0 }]);
  expect(await scene.effects()).toEqual(onceEach(messages));
  await expect.poll(left, settled).toBe(100);
  const removed = instances.map(({ maintenance }) => maintenance.metrics().removedCompleted);
  expect(removed.reduce((sum, count) => sum + count, 0)).toBe(oldEvents);
  await expect.poll(() => instances.map(({ inbox }) => inbox.health().status), settled).toEqual(["healthy", "healthy"]);
}, 240_000);
