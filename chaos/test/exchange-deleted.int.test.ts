import { createOutboxRelay } from "@omni-box/core";
import { createRabbitMqPublisher, defineTopology } from "@omni-box/rabbitmq";
import { type Channel, type ChannelModel, connect } from "amqplib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { commitEvents } from "../src/open-database.js";
import { tallyEvents } from "./attempts.js";
import { type ChaosScene, openScene } from "./chaos-scene.js";
import { createRecordingLogger, type RecordingLogger } from "./recording-logger.js";

let scene: ChaosScene;
let logger: RecordingLogger;
let connection: ChannelModel;
let operator: Channel;

beforeEach(async () => {
  scene = await openScene();
  logger = createRecordingLogger();
  connection = await connect(scene.amqpUrl);
  operator = await connection.createChannel();
});

afterEach(async () => {
  await connection.close();
  await scene.close();
});

function relayWith(topology?: Parameters<typeof createRabbitMqPublisher>[0]["topology"]) {
  return createOutboxRelay({
    repository: scene.database.repository,
    publisher: createRabbitMqPublisher({
      connect: () => connect(scene.amqpUrl, { noDelay: true }),
      exchange: scene.name,
      reconnectMaxMs: 500,
      logger,
      ...(topology === undefined ? {} : { topology }),
    }),
    batchSize: 100,
    logger,
  });
}

test("an exchange that is deleted under the relay delays the events until it is back, and spends no attempt", async () => {
  const { name, database } = scene;
  await using relay = relayWith();
  const arrivals = await scene.consume();
  const before = await commitEvents(database, name, 200);
  await relay.start();
  await arrivals.allOf(before);

  await operator.deleteExchange(name);
  const during = await commitEvents(database, name, 300);
  await expect.poll(() => relay.health().reasons.join()).toContain(name);
  expect(arrivals.ids.length).toBe(200);

  await operator.assertExchange(name, "direct");
  await operator.bindQueue(name, name, name);
  await arrivals.allOf(during);
  await expect.poll(() => tallyEvents(database)).toEqual([{ status: "completed", events: 500, attempts: 0 }]);
  await expect.poll(() => relay.health().status).toBe("healthy");
  await arrivals.end();
});

test("an exchange that is deleted under a relay that asserts its topology is there again by itself", async () => {
  const { name, database } = scene;
  await using relay = relayWith({
    assert: defineTopology({
      exchanges: [{ name, type: "direct" }],
      queues: [{ name }],
      bindings: [{ exchange: name, queue: name, routingKey: name }],
    }),
  });
  const arrivals = await scene.consume();
  const before = await commitEvents(database, name, 200);
  await relay.start();
  await arrivals.allOf(before);

  await operator.deleteExchange(name);
  const after = await commitEvents(database, name, 300);
  await arrivals.allOf(after);
  await expect.poll(() => tallyEvents(database)).toEqual([{ status: "completed", events: 500, attempts: 0 }]);
  expect(logger.messages.filter((message) => message.includes("lacks"))).toEqual([]);
  await arrivals.end();
});
