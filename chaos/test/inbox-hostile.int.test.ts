import { type ConsumedMessage, createInboxConsumer } from "@omni-box/core";
import type { PrismaTransactionLike } from "@omni-box/prisma";
import { createRabbitMqConsumer } from "@omni-box/rabbitmq";
import { connect, type Options } from "amqplib";
import { expect, test } from "vitest";
import { hostileMessages } from "../../packages/core/test/hostile-message.js";
import { createEffectRouter } from "../src/effects.js";
import { messagesOf, onceEach, openInboxScene } from "./inbox-scene.js";
import { createRecordingLogger } from "./recording-logger.js";

/** What AMQP can carry in a short string, or nothing. */
const short = (text: string) => (Buffer.byteLength(text) <= 255 ? text : undefined);
const shortOr = (text: string | null) => (text === null ? undefined : short(text));

/** The properties of a message, as far as AMQP can carry them. */
function propertiesOf(message: ConsumedMessage): Options.Publish {
  const headers = Object.entries(message.headers).filter(([name]) => short(name) !== undefined);
  const properties = {
    messageId: shortOr(message.messageId),
    type: shortOr(message.type),
    contentType: shortOr(message.contentType),
    contentEncoding: shortOr(message.contentEncoding),
    correlationId: shortOr(message.correlationId),
  };
  const given = Object.entries(properties).filter(([, value]) => value !== undefined);
  return {
    ...Object.fromEntries(given),
    // All of them have to fit into one frame.
    headers: Object.fromEntries(headers.map(([name, text]) => [name, text.slice(0, 200)])),
    persistent: true,
  };
}

test("500 hostile messages are all acknowledged and kept as failed or handled, and those among them that are good are applied", async () => {
  const scene = await openInboxScene();
  const logger = createRecordingLogger();
  const handled: string[] = [];
  // Of the types that the hostile messages claim, so that some of them reach a handler.
  const router = createEffectRouter(scene.name).on({ type: "order.placed", topic: scene.name }, async (event) => {
    handled.push(event.messageId);
  });
  const inbox = createInboxConsumer<PrismaTransactionLike, undefined>({
    consumer: createRabbitMqConsumer({
      connect: () => connect(`${scene.amqpUrl}?heartbeat=10`, { noDelay: true, timeout: 5_000 }),
      queue: scene.name,
      bindings: [{ exchange: scene.name, routingKey: scene.name }],
      logger,
    }),
    repository: scene.database.inbox,
    consumerGroup: "chaos",
    router,
    concurrency: 4,
    maxAttempts: 1,
    processor: { concurrency: 4, pollMaxMs: 100 },
    logger,
  });
  try {
    await inbox.start();
    const hostile = hostileMessages(20_261_122, 500);
    const good = messagesOf("good", 50);
    const connection = await connect(scene.amqpUrl);
    const channel = await connection.createConfirmChannel();
    for (const message of hostile) {
      channel.publish(scene.name, scene.name, Buffer.from(message.body), propertiesOf(message));
    }
    await channel.waitForConfirms();
    await connection.close();
    await scene.publish(good);

    await expect.poll(() => scene.effects(), { timeout: 30_000 }).toEqual(onceEach(good));
    const settled = () => {
      const { processed, failed, undecodable, duplicates } = inbox.metrics();
      return processed + failed + undecodable + duplicates;
    };
    await expect.poll(settled, { timeout: 30_000 }).toBe(550);
    expect(inbox.health().status).toBe("healthy");
    await inbox.stop();
    expect(await scene.ready()).toBe(0);
    expect(await scene.ready(`${scene.name}.dead`)).toBe(0);
    const rows = await scene.rows();
    expect(rows.map(({ status }) => status)).toEqual(["completed", "failed"]);
    const { duplicates } = inbox.metrics();
    expect(rows.reduce((sum, { events }) => sum + events, 0)).toBe(550 - duplicates);
    expect(inbox.metrics().storeErrors).toBe(0);
    expect(logger.count("the connection to RabbitMQ was lost")).toBe(0);
  } finally {
    await inbox.stop();
    await scene.close();
  }
});
