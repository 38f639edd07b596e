import { createInboxConsumer, type InboxConsumer } from "@omni-box/core";
import { createRabbitMqConsumer } from "@omni-box/rabbitmq";
import { connect } from "amqplib";
import { afterEach, expect, test } from "vitest";
import { type PrivateRabbitMq, startPrivateRabbitMq } from "../../packages/rabbitmq/test/private-rabbitmq.js";
import { createEffectRouter } from "../src/effects.js";
import { type InboxScene, messagesOf, onceEach, openInboxScene } from "./inbox-scene.js";
import { type PrivatePostgres, startPrivatePostgres } from "./private-postgres.js";
import { createRecordingLogger, type RecordingLogger } from "./recording-logger.js";

const settled = { timeout: 40_000 };
const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanups.splice(0).reverse()) await cleanUp();
});

function createConsumer(scene: InboxScene, logger: RecordingLogger): InboxConsumer {
  const inbox = createInboxConsumer({
    consumer: createRabbitMqConsumer({
      connect: () => connect(`${scene.amqpUrl}?heartbeat=2`, { noDelay: true, timeout: 5_000 }),
      queue: scene.name,
      bindings: [{ exchange: scene.name, routingKey: scene.name }],
      reconnectMaxMs: 500,
      logger,
    }),
    repository: scene.database.inbox,
    consumerGroup: "chaos",
    router: createEffectRouter(scene.name),
    concurrency: 4,
    logger,
  });
  cleanups.push(() => inbox.stop());
  return inbox;
}

async function openedScene(options: { amqpUrl?: string; databaseUrl?: string }): Promise<InboxScene> {
  const scene = await openInboxScene(options);
  cleanups.push(() => scene.close());
  return scene;
}

async function appliedMoreThan(scene: InboxScene, count: number): Promise<void> {
  await expect.poll(async () => Object.keys(await scene.effects()).length, settled).toBeGreaterThan(count);
}

test("a database that is killed and started again under a consumer delays the messages: all effects once, no attempt spent", async () => {
  const postgres: PrivatePostgres = await startPrivatePostgres();
  cleanups.push(() => postgres.remove());
  const scene = await openedScene({ databaseUrl: postgres.url });
  const logger = createRecordingLogger();
  const inbox = createConsumer(scene, logger);
  await inbox.start();
  const messages = messagesOf("database", 2_000);
  await scene.publish(messages.slice(0, 1_500));
  await appliedMoreThan(scene, 200);

  await postgres.kill();
  await expect.poll(() => inbox.health().status).toBe("degraded");
  await scene.publish(messages.slice(1_500));
  await postgres.start();

  await expect.poll(() => inbox.health().status, settled).toBe("healthy");
  await expect.poll(async () => Object.keys(await scene.effects()).length, settled).toBe(messages.length);
  await expect.poll(() => scene.rows(), settled).toEqual([{ status: "completed", events: 2_000, attempts: 0 }]);
  expect(await scene.effects()).toEqual(onceEach(messages));
  await expect.poll(() => scene.ready(), settled).toBe(0);
  expect(logger.count("the database does not answer")).toBeGreaterThan(0);
});

for (const [title, stop, start] of [
  ["killed", (broker: PrivateRabbitMq) => broker.kill(), (broker: PrivateRabbitMq) => broker.start()],
  [
    "stopped",
    (broker: PrivateRabbitMq) => broker.ctl("stop_app"),
    (broker: PrivateRabbitMq) => broker.ctl("start_app"),
  ],
] as const) {
  test(`a RabbitMQ that is ${title} and started again under a consumer delivers again what was in hand: all effects once`, async () => {
    const broker = await startPrivateRabbitMq();
    cleanups.push(() => broker.remove());
    const scene = await openedScene({ amqpUrl: broker.url });
    const logger = createRecordingLogger();
    const inbox = createConsumer(scene, logger);
    await inbox.start();
    // See broker-restarted.int.test.ts: a quorum queue declared moments before a SIGKILL may lose its leader.
    await broker.ctl("stop_app");
    await broker.ctl("start_app");
    await expect.poll(() => inbox.health().status, settled).toBe("healthy");
    const messages = messagesOf("broker", 2_000);
    await scene.publish(messages);
    await appliedMoreThan(scene, 200);

    await stop(broker);
    await expect.poll(() => inbox.health().status).not.toBe("healthy");
    await start(broker);

    await expect.poll(async () => Object.keys(await scene.effects()).length, settled).toBe(messages.length);
    expect(await scene.effects()).toEqual(onceEach(messages));
    expect(await scene.rows()).toEqual([{ status: "completed", events: 2_000, attempts: 0 }]);
    await expect.poll(() => scene.ready(), settled).toBe(0);
    // A broker that has just begun may end the first connections that it takes, also after the last message was delivered.
    await expect.poll(() => inbox.health().status, settled).toBe("healthy");
  });
}
