import { createOutboxRelay, leased } from "@omni-box/core";
import { createRabbitMqPublisher } from "@omni-box/rabbitmq";
import { connect } from "amqplib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startTcpProxy, type TcpProxy } from "../../packages/rabbitmq/test/tcp-proxy.js";
import { commitEvents, type Database, openDatabase } from "../src/open-database.js";
import { tallyEvents } from "./attempts.js";
import { type ChaosScene, databaseUrl, openScene } from "./chaos-scene.js";
import { createPublishedSignal } from "./published-signal.js";
import { createRecordingLogger } from "./recording-logger.js";

let scene: ChaosScene;
let proxy: TcpProxy;
let relayDatabase: Database;

beforeEach(async () => {
  scene = await openScene();
  const target = new URL(databaseUrl);
  proxy = await startTcpProxy({ host: target.hostname, port: Number(target.port || 5432) });
  target.host = `127.0.0.1:${proxy.port}`;
  relayDatabase = openDatabase(target.href, scene.name);
});

afterEach(async () => {
  await relayDatabase.client.$disconnect();
  await proxy.close();
  await scene.close();
});

test("a relay whose database connections are cut loses nothing, spends no attempt and goes on by itself", async () => {
  const logger = createRecordingLogger();
  const published = createPublishedSignal();
  await using relay = createOutboxRelay({
    repository: relayDatabase.repository,
    publisher: createRabbitMqPublisher({ connect: () => connect(scene.amqpUrl), exchange: scene.name, logger }),
    // Rows of a claim whose answer was cut off come back when its lease runs out.
    fetch: leased({ leaseMs: 3_000 }),
    publishTimeoutMs: 1_500,
    batchSize: 50,
    metrics: published,
    logger,
  });
  const committed = await commitEvents(scene.database, scene.name, 4_000);
  const arrivals = await scene.consume();
  await relay.start();
  await published.atLeast(500);

  proxy.setMode("reset");
  proxy.cut();
  await expect.poll(() => relay.health().status).toBe("degraded");
  proxy.setMode("pass");

  await arrivals.allOf(committed);
  await expect
    .poll(() => tallyEvents(scene.database), { timeout: 20_000 })
    .toEqual([{ status: "completed", events: 4_000, attempts: 0 }]);
  await expect.poll(() => relay.health().status).toBe("healthy");
  expect(logger.count("the database does not answer")).toBe(1);
  expect(logger.count("the database answers again")).toBe(1);
  await arrivals.end();
});
