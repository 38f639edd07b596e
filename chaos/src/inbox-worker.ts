import { createInboxConsumer, type InboxEvent, type Step } from "@omni-box/core";
import { createRabbitMqConsumer } from "@omni-box/rabbitmq";
import { connect } from "amqplib";
import { createEffectRouter, type HandlerHooks } from "./effects.js";
import { killAt, withKillPoints } from "./kill-points.js";
import { openDatabase } from "./open-database.js";

/**
 * A consumer in a process of its own, to be killed:
 * `node inbox-worker.js <database url> <schema> <amqp url> <exchange and queue> <behaviour>`.
 *
 * - `normal` handles every message.
 * - `hold-before-commit` says "written" when a handler has written its effect, and then never goes on.
 * - `hold-before-ack` says "committed" when a transaction has committed, and then never acknowledges.
 * - `stored` only stores messages on arrival, and handles them in its processor.
 * - `stored-hold-before-commit` does so too, and holds like `hold-before-commit`.
 * - `kill <point>` kills itself at one of the {@link killPoints}; its handlers take a moment on a retry.
 * - `poison` is killed by each message whose payload asks for it, in the middle of its handler.
 */
const [databaseUrl, schema, amqpUrl, queue, behaviour] = process.argv.slice(2);
if (databaseUrl === undefined || schema === undefined || amqpUrl === undefined || queue === undefined) {
  throw new Error("Usage: inbox-worker.js <database url> <schema> <amqp url> <exchange and queue> <behaviour>");
}
const forEver = () => new Promise<never>(() => undefined);
const database = openDatabase(databaseUrl, schema);

const reach = killAt(behaviour?.startsWith("kill ") ? behaviour.slice("kill ".length) : undefined);

const hooks: HandlerHooks = {
  async afterWrite({ kills }, { tx, attempt }) {
    // Longer than a third of the lease, after which it is extended.
    if (behaviour === "kill after extendLease" && attempt > 1) await tx.$executeRawUnsafe("SELECT pg_sleep(1)");
    if (behaviour?.endsWith("hold-before-commit")) {
      console.log("written");
      await forEver();
    }
    if (behaviour === "poison" && (await database.countDeath(kills))) process.kill(process.pid, "SIGKILL");
  },
};
const holdAfterCommit: Step<InboxEvent> = async (_event, _context, next) => {
  await next();
  console.log("committed");
  return forEver();
};

const consumer = createInboxConsumer({
  consumer: createRabbitMqConsumer({
    connect: () => connect(`${amqpUrl}?heartbeat=10`, { noDelay: true, timeout: 5_000 }),
    queue,
    bindings: [{ exchange: queue, routingKey: queue }],
    prefetch: 20,
  }),
  repository: withKillPoints(database.inbox, reach),
  consumerGroup: "chaos",
  router: createEffectRouter(schema, hooks),
  mode: behaviour?.startsWith("stored") ? "storeThenProcess" : "inline",
  steps: behaviour === "hold-before-ack" ? [holdAfterCommit] : [],
  messageMaxBytes: 10_000,
  retry: { delayMs: () => 50 },
  onResult: () => reach("after the ack"),
  concurrency: 4,
  processor: { concurrency: 4, leaseMs: 1_500, pollMaxMs: 100 },
});
await consumer.start();
console.log("running");
