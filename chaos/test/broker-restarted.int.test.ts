import { createOutboxRelay, type OutboxRelay } from "@omni-box/core";
import { createRabbitMqPublisher } from "@omni-box/rabbitmq";
import { connect } from "amqplib";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type PrivateRabbitMq, startPrivateRabbitMq } from "../../packages/rabbitmq/test/private-rabbitmq.js";
import { commitEvents } from "../src/open-database.js";
import { tallyEvents } from "./attempts.js";
import { type ChaosScene, openScene } from "./chaos-scene.js";
import { createPublishedSignal, type PublishedSignal } from "./published-signal.js";
import { createRecordingLogger, type RecordingLogger } from "./recording-logger.js";

let rabbitMq: PrivateRabbitMq;
let scene: ChaosScene;
let relay: OutboxRelay;
let published: PublishedSignal;
let logger: RecordingLogger;

beforeAll(async () => {
  rabbitMq = await startPrivateRabbitMq();
});

afterAll(async () => {
  await rabbitMq.remove();
});

beforeEach(async () => {
  scene = await openScene(rabbitMq.url);
  // A quorum queue that was declared moments before a SIGKILL may come back without its leader (seen with RabbitMQ 3.10.8: it
  // then confirms nothing, for ever). That is the broker's own loss; a restart in order makes it durable first.
  await rabbitMq.ctl("stop_app");
  await rabbitMq.ctl("start_app");
  published = createPublishedSignal();
  logger = createRecordingLogger();
  relay = createOutboxRelay({
    repository: scene.database.repository,
    publisher: createRabbitMqPublisher({
      connect: () => connect(`${rabbitMq.url}?heartbeat=2`, { noDelay: true }),
      exchange: scene.name,
      reconnectMaxMs: 500,
      logger,
    }),
    publishTimeoutMs: 8_000,
    batchSize: 100,
    metrics: published,
    logger,
  });
});

afterEach(async () => {
  await relay.stop();
  await scene.close();
});

for (const [title, stop, start] of [
  ["killed", () => rabbitMq.kill(), () => rabbitMq.start()],
  ["stopped", () => rabbitMq.ctl("stop_app"), () => rabbitMq.ctl("start_app")],
] as const) {
  test(`a RabbitMQ that is ${title} and started again under the relay delays the events, and spends no attempt`, async () => {
    const before = await commitEvents(scene.database, scene.name, 3_000);
    await relay.start();
    await published.atLeast(500);

    await stop();
    const during = await commitEvents(scene.database, scene.name, 500);
    await expect.poll(() => relay.health().status).toBe("degraded");
    await start();
    await relay.drain();

    expect(await tallyEvents(scene.database)).toEqual([{ status: "completed", events: 3_500, attempts: 0 }]);
    const arrivals = await scene.consume();
    await arrivals.allOf([...before, ...during]);
    expect(relay.health()).toMatchObject({ status: "healthy", state: "running", reasons: [], blockedKeys: 0 });
    // Told when it went and when it came back, not for each try. It comes back in steps: connections first, then its queues.
    const told = logger.count("the broker does not answer");
    expect(logger.count("the broker answers again")).toBe(told);
    expect(told).toBeGreaterThan(0);
    expect(told).toBeLessThanOrEqual(3);
    await arrivals.end();
  });
}
