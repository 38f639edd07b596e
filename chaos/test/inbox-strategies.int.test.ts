import { createInboxConsumer, type InboxConsumer, type InboxConsumerOptions } from "@omni-box/core";
import type { PrismaTransactionLike } from "@omni-box/prisma";
import { createRabbitMqConsumer } from "@omni-box/rabbitmq";
import { connect } from "amqplib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createEffectRouter } from "../src/effects.js";
import { type InboxScene, messagesOf, onceEach, openInboxScene, type SceneMessage } from "./inbox-scene.js";

type Strategy = Pick<
  InboxConsumerOptions<PrismaTransactionLike, undefined>,
  "mode" | "ack" | "commitPolicy" | "ordering"
>;

const settled = { timeout: 30_000 };
let scene: InboxScene;
let inbox: InboxConsumer;

beforeEach(async () => {
  scene = await openInboxScene();
});

afterEach(async () => {
  await inbox.stop();
  await scene.close();
});

async function start(strategy: Strategy): Promise<void> {
  inbox = createInboxConsumer({
    consumer: createRabbitMqConsumer({
      connect: () => connect(`${scene.amqpUrl}?heartbeat=10`, { noDelay: true, timeout: 5_000 }),
      queue: scene.name,
      bindings: [{ exchange: scene.name, routingKey: scene.name }],
    }),
    repository: scene.database.inbox,
    consumerGroup: "chaos",
    router: createEffectRouter(scene.name),
    concurrency: 4,
    processor: { concurrency: 4, pollMaxMs: 100 },
    retry: { delayMs: () => 50 },
    ...strategy,
  });
  await inbox.start();
}

/** Of each message, how often its effect was committed, when it was published twice and each time handled. */
const twiceEach = (messages: readonly SceneMessage[]) => Object.fromEntries(messages.map(({ id }) => [id, 2]));

/** Thirty messages, the third of which fails at its first attempt. */
const someFailing = messagesOf("message", 30).map((message, index) => ({ ...message, fails: index === 2 ? 1 : 0 }));
const failing = someFailing.filter(({ fails }) => fails > 0);
const others = someFailing.filter(({ fails }) => fails === 0);
const completed = [{ status: "completed", events: 30, attempts: 1 }];

for (const [name, strategy] of [
  ["effectivelyOnce", {}],
  ["atLeastOnce onPersist", { ack: "atLeastOnce", commitPolicy: "onPersist" }],
  ["storeThenProcess", { mode: "storeThenProcess" }],
] as const) {
  test(`${name} applies each message once, the one that fails at first too, and recognises what comes again`, async () => {
    await start(strategy);
    await scene.publish(someFailing);
    await expect.poll(() => scene.rows(), settled).toEqual(completed);
    await scene.publish(someFailing);
    await expect.poll(() => inbox.metrics().duplicates, settled).toBe(30);
    expect(await scene.effects()).toEqual(onceEach(someFailing));
    expect(await scene.rows()).toEqual(completed);
    await expect.poll(() => scene.ready(), settled).toBe(0);
  });
}

test("atLeastOnce onSuccess keeps no row, has a failed message delivered again, and handles what comes again another time", async () => {
  await start({ ack: "atLeastOnce", commitPolicy: "onSuccess" });
  await scene.publish(someFailing);
  await expect.poll(() => scene.effects(), settled).toEqual(onceEach(someFailing));
  expect(inbox.metrics().retried).toBe(failing.length);
  await scene.publish(someFailing);
  await expect.poll(() => scene.effects(), settled).toEqual(twiceEach(someFailing));
  expect(await scene.rows()).toEqual([]);
  await expect.poll(() => scene.ready(), settled).toBe(0);
});

test("atMostOnce keeps no row, loses a message whose handler fails, and handles what comes again another time", async () => {
  await start({ ack: "atMostOnce" });
  await scene.publish(someFailing);
  await expect.poll(() => scene.effects(), settled).toEqual(onceEach(others));
  await expect.poll(() => inbox.metrics().failed, settled).toBe(failing.length);
  await scene.publish(someFailing);
  await expect.poll(() => scene.effects(), settled).toEqual(twiceEach(others));
  await expect.poll(() => inbox.metrics().failed, settled).toBe(2 * failing.length);
  expect(await scene.rows()).toEqual([]);
  expect(await scene.ready()).toBe(0);
});

test("perKey applies the messages of each key in the order of their arrival, also behind one that fails at first", async () => {
  const keys = ["a", "b", "c", "d", "e"];
  const messages = messagesOf("ordered", 60).map((message, index) => ({
    ...message,
    key: keys[index % keys.length] ?? "",
    fails: index % 17 === 0 ? 1 : 0,
  }));
  // A serial number is drawn by the insert, and those of rolled back attempts are gone with them.
  await scene.database.client.$executeRawUnsafe(`ALTER TABLE "${scene.name}".effect ADD COLUMN seq serial`);
  await start({ ordering: "perKey" });
  await scene.publish(messages);
  await expect.poll(() => scene.effects(), settled).toEqual(onceEach(messages));
  const applied = await scene.database.client.$queryRawUnsafe<{ message_id: string }[]>(
    `SELECT message_id FROM "${scene.name}".effect ORDER BY seq`,
  );
  const order = applied.map(({ message_id }) => message_id);
  for (const key of keys) {
    const ids = messages.filter((message) => message.key === key).map(({ id }) => id);
    expect(order.filter((id) => ids.includes(id))).toEqual(ids);
  }
  await expect.poll(() => scene.rows(), settled).toEqual([{ status: "completed", events: 60, attempts: 4 }]);
});
