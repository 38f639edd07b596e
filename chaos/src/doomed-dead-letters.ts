import { createPrismaOutboxAdministration } from "@omni-box/prisma";
import { createSceneDeadLetters } from "./dead-letter-scene.js";
import { openDatabase } from "./open-database.js";
import { createWire, killAtNth, withMethodPoints, withPublishPoints } from "./relay-kill-points.js";

/**
 * A dead-letter publisher in a process of its own that kills itself:
 * `node doomed-dead-letters.js <database url> <schema> <amqp url> <exchange> <point> <nth>`.
 */
const [databaseUrl, schema, amqpUrl, exchange, point, nth] = process.argv.slice(2);
if (databaseUrl === undefined || schema === undefined || amqpUrl === undefined || exchange === undefined || !point) {
  throw new Error("Usage: doomed-dead-letters.js <database url> <schema> <amqp url> <exchange> <point> <nth>");
}
const reach = killAtNth(point, Number(nth));
const wire = createWire(reach);
const { client } = openDatabase(databaseUrl, schema, { maxConnections: 3 });
const letters = createSceneDeadLetters({
  administration: withMethodPoints({ ...createPrismaOutboxAdministration(client, { schema }) }, reach),
  amqpUrl,
  exchange,
  aroundPublisher: (publisher) => withPublishPoints(publisher, wire, reach),
  onConnection: (connection) => wire.watch(connection),
});
await letters.start();
console.log("running");
