import { randomInt } from "node:crypto";
import { once } from "node:events";
import { type MessageConverter, type OutboxEvent, outcome, rawConverter, type Step } from "@omni-box/core";
import type { ChannelModel } from "amqplib";
import { openDatabase } from "./open-database.js";
import { createOwnedRelay, type OwnedRelayTimes, shortTimes } from "./owned-relay.js";

/**
 * A relay that owns buckets, in a process of its own, to be paused and killed:
 * `node ordered-worker.js <database url> <schema> <amqp url> <exchange> <behaviour> [<times as JSON>]`.
 *
 * - `normal` publishes every event.
 * - `hold` publishes 20 events and holds all others, before they are published, until it gets SIGUSR2; says "holding" when it
 *   begins to and "going on" when it ends. The outcomes of the 20 wait for it where they share a batch with one that is held.
 * - `unreliable` fails one event in five for good, and publishes it when it is requeued and lucky.
 * - `poison` is killed by each event of the type `poison`, while it makes its message.
 *
 * It stops at SIGTERM. Its publisher's connection owns an exclusive queue, named by its process id behind the exchange's name:
 * whoever cannot find it knows that the broker has closed the connection.
 */
const [databaseUrl, schema, amqpUrl, exchange, behaviour, times] = process.argv.slice(2);
if (databaseUrl === undefined || schema === undefined || amqpUrl === undefined || exchange === undefined) {
  throw new Error(
    "Usage: ordered-worker.js <database url> <schema> <amqp url> <exchange> <behaviour> [<times as JSON>]",
  );
}

const wanted = 20;
let begun = 0;
let goOn: Promise<unknown> | undefined;
const hold: Step<OutboxEvent> = async (_event, _context, next) => {
  begun += 1;
  if (begun > wanted) {
    if (goOn === undefined) {
      goOn = once(process, "SIGUSR2").then(() => console.log("going on"));
      console.log("holding");
    }
    await goOn;
  }
  return next();
};
const fail: Step<OutboxEvent> = async (event, _context, next) =>
  randomInt(5) === 0 ? outcome.failed(new Error(`no luck with ${event.seq}`)) : next();
const stepsOf: Readonly<Record<string, readonly Step<OutboxEvent>[]>> = { hold: [hold], unreliable: [fail] };
const poisonous: MessageConverter = {
  name: "poisonous",
  toMessage(event) {
    if (event.type === "poison") process.kill(process.pid, "SIGKILL");
    return rawConverter().toMessage(event);
  },
};

const relay = createOwnedRelay(
  {
    database: openDatabase(databaseUrl, schema, { maxConnections: 5 }),
    amqpUrl,
    exchange,
    times: times === undefined ? shortTimes : (JSON.parse(times) as OwnedRelayTimes),
    async onConnection(connection: ChannelModel) {
      const channel = await connection.createChannel();
      await channel.assertQueue(`${exchange}.${process.pid}`, { exclusive: true });
    },
  },
  {
    steps: stepsOf[behaviour ?? "normal"] ?? [],
    converter: behaviour === "poison" ? poisonous : rawConverter(),
  },
);
process.once("SIGTERM", async () => {
  await relay.stop();
  process.exit(0);
});
await relay.start();
console.log("running");
