import { setTimeout as pause } from "node:timers/promises";
import { createInboxConsumer, createOutbox, createOutboxEvent, createOutboxRelay } from "@omni-box/core";
import { createRabbitMqConsumer, createRabbitMqPublisher } from "@omni-box/rabbitmq";
import { connect } from "amqplib";
import { afterEach, expect, test } from "vitest";
import { startPrivateRabbitMq } from "../../packages/rabbitmq/test/private-rabbitmq.js";
import { createEffectRouter } from "../src/effects.js";
import type { Database } from "../src/open-database.js";
import { tallyEvents } from "./attempts.js";
import { openInboxScene } from "./inbox-scene.js";
import { startPrivatePostgres } from "./private-postgres.js";
import { createRecordingLogger } from "./recording-logger.js";

const brokerOutageMs = 60_000;
const databaseOutageMs = 10_000;
const settled = { timeout: 180_000, interval: 200 };
const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanups.splice(0).reverse()) await cleanUp();
});

/** Commits ten events of different keys every tenth of a second, until it is stopped; an outage of the database is no reason to stop. */
function startLoad({ client, repository }: Database, topic: string) {
  const outbox = createOutbox({ repository });
  let isStopped = false;
  let transactions = 0;
  let refused = 0;
  const ended = (async () => {
    while (!isStopped) {
      const events = Array.from({ length: 10 }, (_, key) =>
        createOutboxEvent({
          type: "thing.happened",
          schemaVersion: "1",
          topic,
          aggregateType: "thing",
          aggregateId: `${transactions % 5}-${key}`,
          payload: {},
        }),
      );
      await client.$transaction((tx) => outbox.add(tx, events)).catch(() => (refused += 1));
      transactions += 1;
      await pause(100);
    }
  })();
  return {
    refused: () => refused,
    async stop() {
      isStopped = true;
      await ended;
    },
  };
}

test("a minute without RabbitMQ and a restart of PostgreSQL, under load, are a delay: every effect once, and no attempt spent", async () => {
  const broker = await startPrivateRabbitMq();
  cleanups.push(() => broker.remove());
  const postgres = await startPrivatePostgres();
  cleanups.push(() => postgres.remove());
  const scene = await openInboxScene({ amqpUrl: broker.url, databaseUrl: postgres.url });
  cleanups.push(() => scene.close());
  const { database, name } = scene;
  const logger = createRecordingLogger();
  const open = () => connect(`${broker.url}?heartbeat=3`, { noDelay: true, timeout: 5_000 });
  const inbox = createInboxConsumer({
    consumer: createRabbitMqConsumer({
      connect: open,
      queue: name,
      bindings: [{ exchange: name, routingKey: name }],
      logger,
    }),
    repository: database.inbox,
    consumerGroup: "chaos",
    router: createEffectRouter(name),
    concurrency: 4,
    logger,
  });
  cleanups.push(() => inbox.stop());
  await inbox.start();
  const relay = createOutboxRelay({
    repository: database.repository,
    publisher: createRabbitMqPublisher({ connect: open, exchange: name, logger }),
    logger,
  });
  cleanups.push(() => relay.stop());
  await relay.start();
  // A quorum queue declared moments before a SIGKILL may come back without its leader: a restart in order makes it durable first.
  await broker.ctl("stop_app");
  await broker.ctl("start_app");
  await expect.poll(() => [relay.health().status, inbox.health().status], settled).toEqual(["healthy", "healthy"]);

  const load = startLoad(database, name);
  cleanups.push(() => load.stop());
  const applied = async () => Object.keys(await scene.effects()).length;
  await expect.poll(applied, settled).toBeGreaterThan(200);

  await broker.kill();
  await expect.poll(() => [relay.health().status, inbox.health().status]).not.toContain("healthy");
  // The outage itself is what is waited for.
  await pause(brokerOutageMs);
  const appliedBefore = await applied();
  await broker.start();
  await expect.poll(applied, settled).toBeGreaterThan(appliedBefore + 200);

  await postgres.kill();
  await expect.poll(() => inbox.health().status, settled).not.toBe("healthy");
  await pause(databaseOutageMs);
  await postgres.start();
  await expect.poll(() => [relay.health().status, inbox.health().status], settled).toEqual(["healthy", "healthy"]);
  await load.stop();
  await relay.drain();

  const committed = await database.client.outboxEvent.findMany({ select: { id: true } });
  const ids = committed.map(({ id }) => id).sort();
  expect(ids.length).toBeGreaterThan(5_000);
  expect(load.refused()).toBeGreaterThan(0);
  await expect.poll(applied, settled).toBe(ids.length);
  expect(await tallyEvents(database)).toEqual([{ status: "completed", events: ids.length, attempts: 0 }]);
  await expect.poll(() => scene.rows(), settled).toEqual([{ status: "completed", events: ids.length, attempts: 0 }]);
  expect(await scene.effects()).toEqual(Object.fromEntries(ids.map((id) => [id, 1])));
  // Each worker tells of each change, and not of each try. A server comes back in steps, so that one outage may have several ends.
  for (const what of ["the broker", "the database"]) {
    const told = logger.count(`${what} does not answer`);
    expect(told).toBeGreaterThan(0);
    expect(told).toBeLessThanOrEqual(9);
    expect(logger.count(`${what} answers again`)).toBe(told);
  }
}, 600_000);
