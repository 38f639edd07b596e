import {
  consoleLogger,
  createSubscribedWakeUp,
  functionOption,
  type Logger,
  objectWith,
  validateOptions,
  type WakeUp,
} from "@omni-box/core";
import { z } from "zod";
import { failureFields } from "../failure-fields.js";
import type { RedisSubscriberLike } from "../redis-client-like.js";
import { channelName } from "./channel-name.js";
import { openSubscription } from "./open-subscription.js";

/** Options of {@link createRedisWakeUp}. */
export interface RedisWakeUpOptions {
  /** Makes a client for this listener alone: `() => new Redis(url, redisClientOptions)`. Called again after each loss; the wake-up closes what it was given. */
  readonly connect: () => RedisSubscriberLike | Promise<RedisSubscriberLike>;
  /** The senders' channel, 1 to 255 characters; default `"omni-box:wake-up"`. */
  readonly channel?: string | undefined;
  /** Told when wake-ups can no longer be heard, and when they are again; default: stderr. */
  readonly logger?: Logger | undefined;
}

const wakeUpOptions = z.strictObject({
  connect: functionOption<RedisWakeUpOptions["connect"]>("() => an ioredis client of its own"),
  channel: channelName,
  logger: objectWith<Logger>("a logger", "debug", "info", "warn", "error").default(consoleLogger),
});

/**
 * Hears the wake-ups of {@link createRedisWakeUpSender} by SUBSCRIBE, on a connection of its own.
 *
 * It connects again after any loss, with backoff, and notices within about half a minute when a connection has silently died. One line is
 * logged when wake-ups can no longer be heard, and one when they can again.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function createRedisWakeUp(options: RedisWakeUpOptions): WakeUp {
  const { connect, channel, logger } = validateOptions("createRedisWakeUp", wakeUpOptions, options);
  return createSubscribedWakeUp({
    subscribe: (subscriber) => openSubscription({ connect, channel, ...subscriber }),
    channel,
    logger,
    describe: failureFields,
  });
}
