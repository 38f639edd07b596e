import {
  type Clock,
  consoleLogger,
  createDistributedLock,
  type DistributedLock,
  defaults,
  type Logger,
  milliseconds,
  objectWith,
  systemClock,
  validateOptions,
} from "@omni-box/core";
import { z } from "zod";
import { problemsOfClientOptions } from "./check-client-options.js";
import { redisDefaults } from "./defaults.js";
import type { RedisClientLike } from "./redis-client-like.js";
import { createRedisLockStore } from "./redis-lock-store.js";

/** Options of {@link createRedisLock}. */
export interface RedisLockOptions {
  /** `new Redis(url, redisClientOptions)`; the application closes it. May be shared with all that bears its time-outs. */
  readonly client: RedisClientLike;
  /** All keys of the lock begin with it; default `"omni-box:lock:"`, 1 to 100 characters. In a Redis Cluster it needs a hash tag: `"{omni-box}:lock:"`. */
  readonly keyPrefix?: string | undefined;
  /** The longest that Redis may take to answer; default 1,000 ms, and never more than a third of a lock's `ttlMs`. */
  readonly requestTimeoutMs?: number | undefined;
  /** Told when a lock is lost, and once of client options that do not suit a lock; default: stderr. No line holds a key. */
  readonly logger?: Logger | undefined;
  readonly clock?: Clock | undefined;
}

const redisLockOptions = z.strictObject({
  client: objectWith<RedisClientLike>("an ioredis client", "eval", "connect", "on", "off"),
  keyPrefix: z.string().min(1).max(100).default(redisDefaults.keyPrefix),
  requestTimeoutMs: milliseconds(1).default(defaults.lockRequestTimeoutMs),
  logger: objectWith<Logger>("a logger", "debug", "info", "warn", "error").default(consoleLogger),
  clock: objectWith<Clock>("a clock", "now", "monotonicMs", "schedule").default(systemClock),
});

/**
 * Creates a distributed lock in Redis, over a client that the application makes.
 *
 * It keeps work from being done twice at the same time, as long as Redis remembers: a restart without its data, FLUSHALL or a fail-over to a
 * replica that lags lets two hold a lock for a while, and a paused holder learns of it only on waking. So it is an efficiency, and none of
 * omni-box's guarantees rests on it. While Redis does not answer, `acquire` rejects with LOCK.UNAVAILABLE within `requestTimeoutMs`.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function createRedisLock(options: RedisLockOptions): DistributedLock {
  const { client, keyPrefix, ...lock } = validateOptions("createRedisLock", redisLockOptions, options);
  const problems = problemsOfClientOptions(client.options);
  if (problems.length > 0)
    lock.logger.warn(
      { problems },
      "the Redis client does not suit a lock: make it with new Redis(url, redisClientOptions)",
    );
  return createDistributedLock(createRedisLockStore(client, keyPrefix), lock);
}
