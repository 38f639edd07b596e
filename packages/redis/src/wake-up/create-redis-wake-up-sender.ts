import {
  consoleLogger,
  createDebouncedWakeUpSender,
  type Logger,
  objectWith,
  validateOptions,
  type WakeUpSender,
} from "@omni-box/core";
import { z } from "zod";
import { redisDefaults } from "../defaults.js";
import { failureFields } from "../failure-fields.js";
import type { RedisPublisherLike } from "../redis-client-like.js";
import { waitWithin } from "../wait-within.js";
import { channelName } from "./channel-name.js";

/** Options of {@link createRedisWakeUpSender}. */
export interface RedisWakeUpSenderOptions {
  /** An ioredis client of the application's; it may be shared. */
  readonly client: RedisPublisherLike;
  /** 1 to 255 characters; default `"omni-box:wake-up"`. All listeners of the server's channel are woken, whatever their database. */
  readonly channel?: string | undefined;
  /** Told when wake-ups can no longer be sent, and when they can again; default: stderr. */
  readonly logger?: Logger | undefined;
}

const senderOptions = z.strictObject({
  client: objectWith<RedisPublisherLike>("an ioredis client", "publish"),
  channel: channelName,
  logger: objectWith<Logger>("a logger", "debug", "info", "warn", "error").default(consoleLogger),
});

const neverAborted = new AbortController().signal;

/**
 * Sends wake-ups by PUBLISH.
 *
 * The first `notify` sends at once; those of the next 10 ms become one message after it. One is under way at a time, and while
 * none succeeds one a second is tried.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function createRedisWakeUpSender(options: RedisWakeUpSenderOptions): WakeUpSender {
  const { client, channel, logger } = validateOptions("createRedisWakeUpSender", senderOptions, options);
  const send = async () => client.publish(channel, "");
  return createDebouncedWakeUpSender({
    send: () => waitWithin(send(), redisDefaults.wakeUp.timeoutMs, "a wake-up", neverAborted),
    channel,
    logger,
    describe: failureFields,
  });
}
