import { createDeadLetterPublisher, deadLetterHeaders } from "@omni-box/core";
import { createPrismaInboxAdministration, createPrismaOutboxAdministration } from "@omni-box/prisma";
import { createRabbitMqPublisher } from "@omni-box/rabbitmq";
import { connect } from "amqplib";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type PrivateRabbitMq, startPrivateRabbitMq } from "../../packages/rabbitmq/test/private-rabbitmq.js";
import { createSceneDeadLetters } from "../src/dead-letter-scene.js";
import { type Arrivals, type ChaosScene, openScene } from "./chaos-scene.js";
import { storeFailedEvents } from "./failed-outbox.js";
import { createRecordingLogger } from "./recording-logger.js";

let rabbitMq: PrivateRabbitMq;
let scene: ChaosScene;

beforeAll(async () => {
  rabbitMq = await startPrivateRabbitMq();
});

afterAll(async () => {
  await rabbitMq.remove();
});

beforeEach(async () => {
  scene = await openScene(rabbitMq.url);
  // See the relay's test of a broker that is killed: the queue has to be durable before.
  await rabbitMq.ctl("stop_app");
  await rabbitMq.ctl("start_app");
});

afterEach(() => scene.close());

const outboxOf = ({ database: { client }, name }: ChaosScene) =>
  createPrismaOutboxAdministration(client, { schema: name });
const eventsOf = ({ messages }: Arrivals) =>
  messages.map(({ properties }) => properties.headers?.[deadLetterHeaders.eventId]);

test("a failed event arrives in the dead-letter exchange with its payload and the reason in its headers", async () => {
  const [id = ""] = await storeFailedEvents(scene.database, scene.name, 1);
  const arrivals = await scene.consume();
  const administration = outboxOf(scene);
  await using letters = createSceneDeadLetters({ administration, amqpUrl: rabbitMq.url, exchange: scene.name });
  await letters.start();
  await arrivals.atLeast(1);
  const [message] = arrivals.messages;
  expect(message?.content.toString()).toBe('{"secret": "tomato"}');
  expect(message?.properties).toMatchObject({
    type: "order.placed",
    contentType: "application/json",
    deliveryMode: 2,
    headers: {
      "omni-aggregate-type": "order",
      [deadLetterHeaders.eventId]: id,
      [deadLetterHeaders.code]: "BROKER.NACKED",
      [deadLetterHeaders.reason]: "BROKER.NACKED: the broker refused it",
      [deadLetterHeaders.attempts]: "10",
      [deadLetterHeaders.topic]: scene.name,
      [deadLetterHeaders.failedAt]: (await administration.find(id))?.failedAt?.toISOString(),
    },
  });
  await letters.drain();
  expect(letters.metrics()).toMatchObject({ published: 1, failed: 0 });
  await arrivals.end();
});

test("a message that could not be decoded arrives with the bytes that it came with", async () => {
  const body = Buffer.from([0, 159, 146, 150]);
  const { client } = scene.database;
  await client.$executeRawUnsafe(
    `INSERT INTO "${scene.name}".inbox_event (id, message_id, consumer_group, source, event_type, schema_version, topic, partition_key,
       bucket, payload, headers, max_attempts, attempts_made, status, failed_at, last_error, body)
     VALUES (gen_random_uuid(), 'undecodable:1', 'shipping', 'shipping.orders', 'undecodable', '1', $1, 'undecodable:1', 0, '{}',
             '{"omni-message-id": "theirs", "tenant": "t"}', 10, 0, 'failed', statement_timestamp(),
             'MESSAGE.UNDECODABLE: the message cannot be decoded: it is no JSON', $2)`,
    scene.name,
    body,
  );
  const arrivals = await scene.consume();
  await using letters = createDeadLetterPublisher({
    administration: createPrismaInboxAdministration(client, { schema: scene.name }),
    publisher: createRabbitMqPublisher({ connect: () => connect(`${rabbitMq.url}?heartbeat=3`), exchange: scene.name }),
  });
  await letters.start();
  await arrivals.atLeast(1);
  const [message] = arrivals.messages;
  expect(message?.content).toEqual(body);
  expect(message?.properties).toMatchObject({
    contentType: "application/octet-stream",
    headers: {
      tenant: "t",
      [deadLetterHeaders.code]: "MESSAGE.UNDECODABLE",
      [deadLetterHeaders.messageId]: "theirs",
      [deadLetterHeaders.consumerGroup]: "shipping",
      [deadLetterHeaders.source]: "shipping.orders",
    },
  });
  expect(message?.properties.headers).not.toHaveProperty("omni-message-id");
  await arrivals.end();
});

test("a letter that no queue wants is tried again, counted and visible, and arrives when there is a queue", async () => {
  const administration = outboxOf(scene);
  const [id = ""] = await storeFailedEvents(scene.database, "nowhere", 1);
  const others = await storeFailedEvents(scene.database, scene.name, 7);
  const arrivals = await scene.consume();
  await using letters = createSceneDeadLetters({ administration, amqpUrl: rabbitMq.url, exchange: scene.name });
  await letters.start();
  await expect.poll(() => letters.metrics().failed, { timeout: 30_000 }).toBeGreaterThan(2);
  expect(letters.metrics().published).toBe(7);
  expect((await administration.statistics()).awaitingDeadLetter).toBe(1);
  expect((await administration.find(id))?.history.at(-1)).toMatchObject({
    what: "deadLetterFailed",
    note: expect.stringMatching(/^BROKER\.UNROUTABLE/),
  });
  const connection = await connect(rabbitMq.url);
  await (await connection.createChannel()).bindQueue(scene.name, scene.name, "nowhere");
  await connection.close();
  await arrivals.atLeast(8);
  expect([...eventsOf(arrivals)].sort()).toEqual([id, ...others].sort());
  await arrivals.end();
});

test("a RabbitMQ that is killed delays letters, spends no tries of theirs, is said once, and loses none", async () => {
  const administration = outboxOf(scene);
  const logger = createRecordingLogger();
  const letters = createSceneDeadLetters({
    administration,
    amqpUrl: `${rabbitMq.url}?heartbeat=2`,
    exchange: scene.name,
    logger,
  });
  const before = await storeFailedEvents(scene.database, scene.name, 12);
  await letters.start();
  await letters.drain();
  await rabbitMq.kill();
  const during = await storeFailedEvents(scene.database, scene.name, 12);
  letters.nudge();
  await expect.poll(() => logger.count("the broker takes no dead letters"), { timeout: 30_000 }).toBe(1);
  expect(letters.health().status).not.toBe("healthy");
  await rabbitMq.start();
  const arrivals = await scene.consume();
  await arrivals.atLeast(24);
  await letters.drain();
  expect(new Set(eventsOf(arrivals))).toEqual(new Set([...before, ...during]));
  expect((await administration.statistics()).awaitingDeadLetter).toBe(0);
  expect(letters.metrics().failed).toBe(0);
  expect(logger.messages).toEqual([
    expect.stringMatching(/^the broker takes no dead letters, trying on: BROKER\./),
    "the broker takes dead letters again",
  ]);
  expect(letters.health()).toEqual({ status: "healthy", state: "running", reasons: [] });
  expect(await letters.stop()).toEqual({ clean: true, abandoned: 0 });
  await arrivals.end();
}, 120_000);
