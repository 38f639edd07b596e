export { createRedisLock, type RedisLockOptions } from "./create-redis-lock.js";
export { redisDefaults } from "./defaults.js";
export type {
  RedisClientLike,
  RedisConnectionLike,
  RedisPublisherLike,
  RedisSubscriberLike,
} from "./redis-client-like.js";
export { redisClientOptions } from "./redis-client-options.js";
export { createRedisWakeUp, type RedisWakeUpOptions } from "./wake-up/create-redis-wake-up.js";
export { createRedisWakeUpSender, type RedisWakeUpSenderOptions } from "./wake-up/create-redis-wake-up-sender.js";
