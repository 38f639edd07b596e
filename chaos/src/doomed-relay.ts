import type { OutboxEvent, Step } from "@omni-box/core";
import { createPrismaOutboxRepository } from "@omni-box/prisma";
import { createKillSceneRelay } from "./kill-scene-relay.js";
import { openDatabase } from "./open-database.js";
import {
  createWire,
  killAtNth,
  type RelayKillPoint,
  withPublishPoints,
  withStatementPoints,
} from "./relay-kill-points.js";

/** Which relay is killed, and where. */
export interface Doom {
  readonly point: RelayKillPoint;
  /** How many times it passes the point, the last one included. */
  readonly nth: number;
  readonly onPublished: "keep" | "delete";
  /** Whether the outcomes of events of the type `held` never come, nor of what shares a batch with them. */
  readonly holds: boolean;
  /** How long an event that was refused backs off. */
  readonly retryDelayMs: number;
  /** Whether it stops when the broker has confirmed some events. */
  readonly stops: boolean;
}

/**
 * A relay in a process of its own that kills itself: `node doomed-relay.js <database url> <schema> <amqp url> <exchange> <doom as JSON>`.
 */
const [databaseUrl, schema, amqpUrl, exchange, doom] = process.argv.slice(2);
if (databaseUrl === undefined || schema === undefined || amqpUrl === undefined || exchange === undefined || !doom) {
  throw new Error("Usage: doomed-relay.js <database url> <schema> <amqp url> <exchange> <doom as JSON>");
}
const { point, nth, onPublished, retryDelayMs, holds, stops } = JSON.parse(doom) as Doom;
const confirmsBeforeStop = 5;

const reach = killAtNth(point, nth);
const wire = createWire(reach);
let confirmed = 0;
const holdOrStop: Step<OutboxEvent> = async (event, _context, next) => {
  const outcome = await next();
  confirmed += 1;
  if (stops && confirmed === confirmsBeforeStop) void relay.stop().then(() => process.exit(0));
  if (holds && event.type === "held") await new Promise<never>(() => undefined);
  return outcome;
};
const { client } = openDatabase(databaseUrl, schema, { maxConnections: 5 });
const relay = createKillSceneRelay({
  repository: withStatementPoints(createPrismaOutboxRepository(client, { schema, onPublished }), reach),
  amqpUrl,
  exchange,
  workerId: "doomed",
  retryDelayMs,
  steps: [holdOrStop],
  aroundPublisher: (publisher) => withPublishPoints(publisher, wire, reach),
  onConnection: (connection) => wire.watch(connection),
});
await relay.start();
console.log("running");
