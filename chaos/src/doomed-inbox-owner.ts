import { createPrismaInboxRepository } from "@omni-box/prisma";
import { type InboxBucketKillPoint, withInboxBucketPoints, withMakePoints } from "./inbox-bucket-kill-points.js";
import { createInboxBucketProcessor } from "./inbox-bucket-processor.js";
import { openDatabase } from "./open-database.js";
import { killAtNth } from "./relay-kill-points.js";

/** Which processor is killed, and where. */
export interface InboxOwnerDoom {
  readonly point: InboxBucketKillPoint;
  /** How many times it passes the point, the last one included. */
  readonly nth: number;
  /** Whether the handlers of events of the type `held` never end, in the middle of their transactions. */
  readonly holds: boolean;
  /** How long an event that was refused backs off. */
  readonly retryDelayMs: number;
  /** Whether it stops when some events have been handled. */
  readonly stops: boolean;
}

/**
 * An inbox processor that owns buckets, in a process of its own that kills itself:
 * `node doomed-inbox-owner.js <database url> <schema> <doom as JSON>`.
 */
const [databaseUrl, schema, doom] = process.argv.slice(2);
if (databaseUrl === undefined || schema === undefined || doom === undefined) {
  throw new Error("Usage: doomed-inbox-owner.js <database url> <schema> <doom as JSON>");
}
const { point, nth, retryDelayMs, holds, stops } = JSON.parse(doom) as InboxOwnerDoom;
const handledBeforeStop = 5;

const reach = killAtNth(point, nth);
const { client } = openDatabase(databaseUrl, schema, { maxConnections: 8 });
let handled = 0;
const holdOrStop = async (type: string): Promise<void> => {
  handled += 1;
  if (stops && handled === handledBeforeStop) void processor.stop().then(() => process.exit(0));
  if (holds && type === "held") await new Promise<never>(() => undefined);
};
const processor = createInboxBucketProcessor({
  repository: withInboxBucketPoints(createPrismaInboxRepository(withMakePoints(client, reach), { schema }), reach),
  schema,
  workerId: "doomed",
  retryDelayMs,
  afterWrite: holdOrStop,
});
await processor.start();
console.log("running");
