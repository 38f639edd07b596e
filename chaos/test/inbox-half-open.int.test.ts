import { createInboxConsumer } from "@omni-box/core";
import { createPrismaInboxRepository } from "@omni-box/prisma";
import { createRabbitMqConsumer } from "@omni-box/rabbitmq";
import { PrismaPg } from "@prisma/adapter-pg";
import { connect } from "amqplib";
import { expect, test } from "vitest";
import { startTcpProxy } from "../../packages/rabbitmq/test/tcp-proxy.js";
import { createEffectRouter } from "../src/effects.js";
import { PrismaClient } from "../src/generated/client.js";
import { messagesOf, onceEach, openInboxScene } from "./inbox-scene.js";
import { createRecordingLogger } from "./recording-logger.js";

const settled = { timeout: 25_000 };

test("database connections that swallow everything are replaced by new ones where the driver has a query_timeout: all effects once", async () => {
  const scene = await openInboxScene();
  const target = new URL(scene.databaseUrl);
  const proxy = await startTcpProxy({ host: target.hostname, port: Number(target.port || 5432) });
  target.host = `127.0.0.1:${proxy.port}`;
  const { name: schema } = scene;
  const driver = { connectionString: target.href, max: 9, query_timeout: 1_500, connectionTimeoutMillis: 1_000 };
  const client = new PrismaClient({ adapter: new PrismaPg(driver, { schema }) });
  const logger = createRecordingLogger();
  const inbox = createInboxConsumer({
    consumer: createRabbitMqConsumer({
      connect: () => connect(`${scene.amqpUrl}?heartbeat=10`, { noDelay: true, timeout: 5_000 }),
      queue: schema,
      bindings: [{ exchange: schema, routingKey: schema }],
    }),
    repository: createPrismaInboxRepository(client, {
      schema,
      statementTimeoutMs: 1_000,
      lockTimeoutMs: 400,
      transaction: { maxWaitMs: 500 },
    }),
    consumerGroup: "chaos",
    router: createEffectRouter(schema),
    concurrency: 2,
    processor: { concurrency: 2 },
    handlerTimeoutMs: 500,
    logger,
  });
  try {
    await inbox.start();
    const [before, after] = [messagesOf("before", 100), messagesOf("after", 100)];
    await scene.publish(before);
    await expect.poll(() => scene.effects(), settled).toEqual(onceEach(before));

    // All connections that the pool may have, so that none but those is used afterwards.
    await Promise.all(Array.from({ length: driver.max }, () => client.$queryRawUnsafe("SELECT pg_sleep(0.3)::text")));
    // Those that are open stay dead, and new ones work: a fail-over, or a firewall that forgot its table.
    proxy.setMode("black-hole");
    proxy.setMode("pass");
    await scene.publish(after);
    await expect.poll(() => inbox.health().status, settled).toBe("degraded");

    await expect.poll(() => scene.effects(), settled).toEqual(onceEach([...after, ...before]));
    await expect.poll(() => inbox.health().status, settled).toBe("healthy");
    await expect.poll(() => scene.rows(), settled).toMatchObject([{ status: "completed", events: 200 }]);
    await expect.poll(() => scene.ready(), settled).toBe(0);
    expect(logger.count("the database answers again")).toBeGreaterThan(0);
  } finally {
    await inbox.stop();
    await proxy.close();
    await client.$disconnect();
    await scene.close();
  }
});
