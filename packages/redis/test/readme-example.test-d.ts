import type { EventPublisher, EventRouter, InboxEventRepository, OutboxEventRepository } from "@omni-box/core";

declare const repository: OutboxEventRepository<unknown>;
declare const inbox: InboxEventRepository<unknown>;
declare const publisher: EventPublisher;
declare const router: EventRouter<unknown, undefined>;
declare const redisUrl: string;
declare const sendReport: (signal: AbortSignal) => Promise<void>;

// #region lock
import { createRedisLock, redisClientOptions } from "@omni-box/redis";
import { Redis } from "ioredis";

const client = new Redis(redisUrl, redisClientOptions);
client.on("error", (error) => console.warn(`Redis: ${error.message}`));

const lock = createRedisLock({ client });
// #endregion lock

// #region with-lock
await lock.withLock("nightly report", (held) => sendReport(held.signal), { waitMs: 5_000 });
// #endregion with-lock

async function byHand(): Promise<void> {
  // #region by-hand
  await using held = await lock.acquire("nightly report", { ttlMs: 30_000 });
  if (held === null) return; // Somebody else has it.
  await sendReport(held.signal);
  // #endregion by-hand
}

// #region exclusive
import { createInboxProcessor, exclusive } from "@omni-box/core";

const processor = createInboxProcessor({
  repository: inbox,
  consumerGroup: "shipping",
  router,
  steps: [exclusive({ lock, key: (event) => `warehouse ${event.headers.warehouse}` })],
});

// #endregion exclusive

// #region single-active
import { createOutboxRelay, createSingleActive } from "@omni-box/core";

const relay = createSingleActive({
  lock,
  key: "relay of the shop",
  worker: createOutboxRelay({ repository, publisher }),
});
await relay.start();
process.once("SIGTERM", () => void relay.stop());

// #endregion single-active

// #region wake-up
import { createRedisWakeUp, createRedisWakeUpSender } from "@omni-box/redis";

// Where events are added: after the commit.
const sender = createRedisWakeUpSender({ client });
sender.notify();

// Where the relay runs:
const wakeUp = createRedisWakeUp({ connect: () => new Redis(redisUrl, redisClientOptions) });
const wokenRelay = createOutboxRelay({ repository, publisher, wakeUp });

// #endregion wake-up

export { byHand, processor, wokenRelay };
