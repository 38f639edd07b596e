import { once } from "node:events";
import { createInboxConsumer, createInboxProcessor, type InboxConsumer } from "@omni-box/core";
import { createRabbitMqConsumer } from "@omni-box/rabbitmq";
import { connect } from "amqplib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createEffectRouter, type HandlerHooks } from "../src/effects.js";
import { openDatabase } from "../src/open-database.js";
import { fourQueues, type InboxScene, messagesOf, onceEach, openInboxScene } from "./inbox-scene.js";

const settled = { timeout: 30_000 };
let scene: InboxScene;
const cleanups: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  scene = await openInboxScene();
});

afterEach(async () => {
  for (const cleanUp of cleanups.splice(0).reverse()) await cleanUp();
  await scene.close();
});

/** A consumer of the group with database connections of its own. */
async function startConsumer(queue: string, hooks: HandlerHooks = {}, handlesAgain = true): Promise<InboxConsumer> {
  const database = openDatabase(scene.databaseUrl, scene.name);
  cleanups.push(() => database.client.$disconnect());
  const inbox = createInboxConsumer({
    consumer: createRabbitMqConsumer({
      connect: () => connect(`${scene.amqpUrl}?heartbeat=10`, { noDelay: true, timeout: 5_000 }),
      queue,
      bindings: [{ exchange: scene.name, routingKey: scene.name }],
    }),
    repository: database.inbox,
    consumerGroup: "chaos",
    router: createEffectRouter(scene.name, hooks),
    concurrency: 4,
    processor: handlesAgain && { concurrency: 4, leaseMs: 1_000, pollMaxMs: 100 },
  });
  await inbox.start();
  cleanups.push(() => inbox.stop());
  return inbox;
}

test("the same message given to four consumers at once has its effect once, and is acknowledged by all four", async () => {
  const queues = fourQueues(scene.name);
  const inboxes = await Promise.all(queues.map((queue) => startConsumer(queue)));
  const messages = messagesOf("four-times", 300);
  await scene.publish(messages);
  const count = (counter: "processed" | "duplicates") =>
    inboxes.reduce((sum, inbox) => sum + inbox.metrics()[counter], 0);
  await expect.poll(() => count("processed") + count("duplicates"), settled).toBe(4 * messages.length);
  await Promise.all(inboxes.map((inbox) => inbox.stop()));
  for (const queue of queues) expect(await scene.ready(queue)).toBe(0);
  expect(await scene.effects()).toEqual(onceEach(messages));
  expect(await scene.rows()).toEqual([{ status: "completed", events: 300, attempts: 0 }]);
  expect(count("duplicates")).toBe(3 * messages.length);
});

test("a handler that catches the error of its own statement and returns is a failed attempt, and never an acknowledged message without effects", async () => {
  const inbox = await startConsumer(scene.name, {
    // Only the first time, so that the retry shows that nothing was lost.
    async afterWrite(_payload, { tx, attempt }) {
      if (attempt === 1) await Promise.resolve(tx.$executeRawUnsafe("SELECT 1 / 0")).catch(() => undefined);
    },
  });
  const messages = messagesOf("swallowed", 20);
  await scene.publish(messages);
  await expect.poll(() => scene.effects(), settled).toEqual(onceEach(messages));
  await expect.poll(() => scene.rows(), settled).toEqual([{ status: "completed", events: 20, attempts: 20 }]);
  expect(inbox.metrics().retried).toBe(20);
});

test("a handler whose statements collide with another transaction is run again, and no attempt is spent", async () => {
  const collided = new Set<string>();
  const inbox = await startConsumer(scene.name, {
    async afterWrite(_payload, { tx }) {
      // The first two messages to come here, once each.
      if (collided.size >= 2) return;
      const sqlState = collided.size === 0 ? "40001" : "40P01";
      collided.add(sqlState);
      await tx.$executeRawUnsafe(`DO $$ BEGIN RAISE EXCEPTION 'collision' USING ERRCODE = '${sqlState}'; END $$`);
    },
  });
  const messages = messagesOf("collided", 20);
  await scene.publish(messages);
  await expect.poll(() => scene.effects(), settled).toEqual(onceEach(messages));
  await expect.poll(() => scene.rows(), settled).toEqual([{ status: "completed", events: 20, attempts: 0 }]);
  expect(inbox.metrics()).toMatchObject({ conflicts: 2, retried: 0 });
});

test("a handler that runs longer than its lease keeps it, and no other processor applies its effects too", async () => {
  const messages = messagesOf("long", 4);
  // Handled by processors alone: rows that a consumer has stored.
  const store = await startConsumer(scene.name, {
    afterWrite: () => Promise.reject(new Error("not now")),
  });
  await scene.publish(messages);
  await expect
    .poll(() => scene.rows(), settled)
    .toEqual([{ status: "pending", events: 4, attempts: expect.any(Number) }]);
  await store.stop();
  const attemptsBefore = (await scene.rows())[0]?.attempts;

  const started: string[] = [];
  const processors = [1, 2].map((number) => {
    const database = openDatabase(scene.databaseUrl, scene.name);
    cleanups.push(() => database.client.$disconnect());
    return createInboxProcessor({
      repository: database.inbox,
      consumerGroup: "chaos",
      router: createEffectRouter(scene.name, {
        async afterWrite(_payload, { tx }) {
          started.push(`processor ${number}`);
          // Three and a half leases.
          await tx.$executeRawUnsafe("SELECT pg_sleep(3.5)");
        },
      }),
      concurrency: 4,
      leaseMs: 1_000,
      pollMaxMs: 50,
    });
  });
  await Promise.all(processors.map((processor) => processor.start()));
  cleanups.push(() => Promise.all(processors.map((processor) => processor.stop())));
  await expect.poll(() => scene.effects(), settled).toEqual(onceEach(messages));
  expect(started).toHaveLength(messages.length);
  await expect
    .poll(() => scene.rows(), settled)
    .toEqual([{ status: "completed", events: 4, attempts: attemptsBefore }]);
});

test("a handler whose lease is taken from it while it runs is told so, and nothing of it is committed", async () => {
  const messages = messagesOf("robbed", 1);
  const store = await startConsumer(scene.name, { afterWrite: () => Promise.reject(new Error("not now")) }, false);
  await scene.publish(messages);
  await expect.poll(() => scene.rows(), settled).toEqual([{ status: "pending", events: 1, attempts: 1 }]);
  await store.stop();

  const table = `"${scene.name}".inbox_event`;
  const { client } = scene.database;
  const database = openDatabase(scene.databaseUrl, scene.name);
  cleanups.push(() => database.client.$disconnect());
  const heard: boolean[] = [];
  const processor = createInboxProcessor({
    repository: database.inbox,
    consumerGroup: "chaos",
    router: createEffectRouter(scene.name, {
      async afterWrite(_payload, { signal }) {
        if (heard.length > 0) return;
        // As another worker would, had it found the lease run out: for an hour, without taking the work up.
        const taken = await client.$executeRawUnsafe(
          `UPDATE ${table} SET lease_token = gen_random_uuid(), lease_until = now() + interval '1 hour'`,
        );
        if (taken === 1) await once(signal, "abort");
        heard.push(signal.aborted);
        // It returns as if all were well.
      },
    }),
    leaseMs: 1_000,
    pollMaxMs: 50,
  });
  await processor.start();
  cleanups.push(() => processor.stop());
  await expect.poll(() => heard, settled).toEqual([true]);
  await expect.poll(() => processor.metrics().leasesLost, settled).toBe(1);
  expect(await scene.effects()).toEqual({});
  expect(await scene.rows()).toEqual([{ status: "pending", events: 1, attempts: 1 }]);

  // The other worker has died, and its lease runs out.
  await client.$executeRawUnsafe(`UPDATE ${table} SET lease_until = now()`);
  await expect.poll(() => scene.effects(), settled).toEqual(onceEach(messages));
  await expect.poll(() => scene.rows(), settled).toEqual([{ status: "completed", events: 1, attempts: 1 }]);
});
