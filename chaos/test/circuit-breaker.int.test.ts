import {
  circuitBreaker,
  createInboxConsumer,
  createOutboxRelay,
  type InboxEvent,
  type OutboxEvent,
} from "@omni-box/core";
import { createRabbitMqConsumer, createRabbitMqPublisher } from "@omni-box/rabbitmq";
import { connect } from "amqplib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createEffectRouter } from "../src/effects.js";
import { commitEvents } from "../src/open-database.js";
import { tallyEvents } from "./attempts.js";
import { type CalledService, startCalledService } from "./called-service.js";
import { type ChaosScene, openScene } from "./chaos-scene.js";
import { messagesOf, onceEach, openInboxScene } from "./inbox-scene.js";
import { checkOrder, noFaults } from "./order-checker.js";
import { createRecordingLogger } from "./recording-logger.js";

const failureThreshold = 5;
const prefetch = 20;
const breakerOptions = { failureThreshold, halfOpenAfterMs: 300, halfOpenMaxMs: 1_000 };
const opened = "the circuit breaker has opened";
const closed = "the circuit breaker has closed";

let service: CalledService;

beforeEach(async () => {
  service = await startCalledService();
});

afterEach(() => service.goAway());

test("a relay whose steps need a service waits behind a breaker while that is away, and keeps the order of each key", async () => {
  const scene: ChaosScene = await openScene();
  const logger = createRecordingLogger();
  const changes: string[] = [];
  const breaker = circuitBreaker<OutboxEvent>({
    ...breakerOptions,
    onChange: ({ from, to }) => void changes.push(`${from} to ${to}`),
  });
  const relay = createOutboxRelay({
    repository: scene.database.repository,
    publisher: createRabbitMqPublisher({
      connect: () => connect(scene.amqpUrl, { noDelay: true }),
      exchange: scene.name,
      logger: createRecordingLogger(),
    }),
    batchSize: 20,
    batchesInFlight: 1,
    steps: [
      breaker,
      async (_event, _context, next) => {
        await service.call();
        return next();
      },
    ],
    logger,
  });
  const arrivals = await scene.consume();
  const before = await commitEvents(scene.database, scene.name, 100);
  await relay.start();
  await arrivals.allOf(before);

  await service.goAway();
  const during = await commitEvents(scene.database, scene.name, 400);
  // It has tried again, and again in vain.
  await expect.poll(() => changes.filter((change) => change === "halfOpen to open").length).toBeGreaterThanOrEqual(3);
  expect(breaker.snapshot()).toMatchObject([{ state: expect.stringMatching(/open/i) }]);
  expect(relay.health()).toMatchObject({ status: "degraded", reasons: [expect.stringContaining("circuit breaker")] });
  expect(arrivals.ids.length).toBe(100);
  // One batch met the service before the breaker opened; a try costs nothing.
  const [pending] = (await tallyEvents(scene.database)).filter(({ status }) => status === "pending");
  expect(pending?.events).toBe(400);
  expect(pending?.attempts).toBeLessThanOrEqual(20);
  expect(service.refused).toBeLessThanOrEqual(20 + changes.length);

  await service.comeBack();
  await arrivals.allOf(during);
  const rows = await scene.database.client.outboxEvent.findMany();
  expect(checkOrder(arrivals.deliveries, rows)).toEqual({ faults: noFaults, duplicates: 0 });
  await expect.poll(() => relay.health().status).toBe("healthy");
  // A single breakdown is a single pair of lines, and none of them is the broker's.
  expect([logger.count(opened), logger.count(closed), logger.messages.length]).toEqual([1, 1, 2]);
  await relay.stop();
  await arrivals.end();
  await scene.close();
});

test("an inbox whose handlers need a service stores what arrives while that is away, and applies each effect once", async () => {
  const scene = await openInboxScene();
  const { name, amqpUrl, database } = scene;
  const logger = createRecordingLogger();
  const breaker = circuitBreaker<InboxEvent>(breakerOptions);
  const consumer = createInboxConsumer({
    consumer: createRabbitMqConsumer({
      connect: () => connect(amqpUrl),
      queue: name,
      prefetch,
      bindings: [{ exchange: name, routingKey: name }],
      logger: createRecordingLogger(),
    }),
    repository: database.inbox,
    consumerGroup: "chaos",
    router: createEffectRouter(name, { afterWrite: () => service.call() }),
    steps: [breaker],
    concurrency: 4,
    processor: { concurrency: 4, pollMaxMs: 100 },
    logger,
  });
  await consumer.start();
  const before = messagesOf("before", 50);
  await scene.publish(before);
  await expect.poll(scene.effects).toEqual(onceEach(before));

  await service.goAway();
  const during = messagesOf("during", 200);
  await scene.publish(during);
  await expect.poll(() => breaker.snapshot()[0]?.state).not.toBe("closed");
  // The queue does not block: all are stored, and acknowledged.
  await expect.poll(async () => (await scene.rows()).reduce((sum, { events }) => sum + events, 0)).toBe(250);
  expect(await scene.ready()).toBe(0);
  expect(consumer.health()).toMatchObject({ reasons: [expect.stringContaining("circuit breaker")] });
  const attempts = (await scene.rows()).reduce((sum, row) => sum + row.attempts, 0);
  // Those that were in hand when it opened, on arrival and in the processor.
  expect(attempts).toBeLessThanOrEqual(failureThreshold + prefetch + 4);

  await service.comeBack();
  await expect.poll(scene.effects).toEqual(onceEach([...before, ...during]));
  expect((await scene.rows()).map(({ status }) => status)).toEqual(["completed"]);
  expect([logger.count(opened), logger.count(closed)]).toEqual([1, 1]);
  await consumer.stop();
  await scene.close();
});
