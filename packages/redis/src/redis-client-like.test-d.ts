import { Redis } from "ioredis";
import { createRedisLock } from "./create-redis-lock.js";
import type { RedisClientLike, RedisPublisherLike, RedisSubscriberLike } from "./redis-client-like.js";
import { redisClientOptions } from "./redis-client-options.js";
import { createRedisWakeUp } from "./wake-up/create-redis-wake-up.js";
import { createRedisWakeUpSender } from "./wake-up/create-redis-wake-up-sender.js";

// The real client fits the subsets, and takes the options.
const client = new Redis("redis://localhost", redisClientOptions);
client satisfies RedisClientLike;
client satisfies RedisPublisherLike;
client satisfies RedisSubscriberLike;
createRedisLock({ client });
createRedisLock({ client: new Redis({ replyMapping: "resp3" }) });
createRedisWakeUp({ connect: () => new Redis("redis://localhost", redisClientOptions) });
createRedisWakeUp({ connect: async () => new Redis() });
createRedisWakeUpSender({ client });

// @ts-expect-error a URL is no client: the application makes it.
createRedisLock({ client: "redis://localhost" });
// @ts-expect-error nor is a pipeline: its commands are not sent one by one.
createRedisLock({ client: client.pipeline() });
