import { setTimeout as delay } from "node:timers/promises";
import {
  consoleLogger,
  defaults,
  fullJitterBackoffMs,
  functionOption,
  type Logger,
  objectWith,
  type StopListening,
  validateOptions,
  type WakeUp,
} from "@omni-box/core";
import { z } from "zod";
import { redisDefaults } from "../defaults.js";
import type { RedisSubscriberLike } from "../redis-client-like.js";
import { failureFields, warnCautiously } from "../warn-cautiously.js";
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

type ResolvedOptions = z.output<typeof wakeUpOptions>;

/**
 * Hears the wake-ups of {@link createRedisWakeUpSender} by SUBSCRIBE, on a connection of its own.
 *
 * It connects again after any loss, with backoff, and notices within about half a minute when a connection has silently died. One line is
 * logged when wake-ups can no longer be heard, and one when they can again.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function createRedisWakeUp(options: RedisWakeUpOptions): WakeUp {
  const resolved = validateOptions("createRedisWakeUp", wakeUpOptions, options);
  return Object.freeze({
    listen(onWake: () => void): StopListening {
      const stopping = new AbortController();
      const listening = listenUntil(stopping.signal, onWake, resolved);
      return () => {
        stopping.abort();
        return listening;
      };
    },
  });
}

/** Opens one subscription after the other. Never rejects. */
async function listenUntil(stopping: AbortSignal, onWake: () => void, options: ResolvedOptions): Promise<void> {
  const { connect, channel, logger } = options;
  let isDeaf = false;
  let failures = 0;
  const hears = () => {
    if (isDeaf) warnCautiously(logger, { channel }, "wake-ups are heard again");
    isDeaf = false;
    onWake();
  };
  while (!stopping.aborted) {
    const startedAt = performance.now();
    try {
      await listenOnce({ connect, channel, onWake, stopping }, hears);
    } catch (error) {
      if (stopping.aborted) return;
      // What lasted long is no part of a row of failures.
      failures = performance.now() - startedAt > defaults.outageMaxMs ? 1 : failures + 1;
      const fields = { channel, ...failureFields(error) };
      if (!isDeaf) warnCautiously(logger, fields, "wake-ups are not heard; events wait for the next poll");
      isDeaf = true;
      await sleep(backoffMs(failures), stopping).catch(() => undefined);
    }
  }
}

/** Listens on one connection; rejects with the reason when that is over. */
async function listenOnce(options: Parameters<typeof openSubscription>[0], hears: () => void): Promise<never> {
  const subscription = await openSubscription(options);
  try {
    hears();
    for (;;) {
      await sleep(redisDefaults.wakeUp.checkEveryMs, subscription.ended);
      await subscription.check();
    }
  } finally {
    subscription.close();
  }
}

/** Resolves after `delayMs`; rejects with the signal's reason when it is aborted before. */
async function sleep(delayMs: number, signal: AbortSignal): Promise<void> {
  await delay(delayMs, undefined, { signal }).catch(() => signal.throwIfAborted());
}

/** Never less than a tenth of the ceiling: full jitter alone may draw a row of zeros and hammer what is down. */
function backoffMs(failures: number): number {
  const { outageBaseMs, outageMaxMs } = defaults;
  const ceiling = Math.min(outageMaxMs, outageBaseMs * 2 ** Math.min(failures - 1, 16));
  return Math.max(ceiling / 10, fullJitterBackoffMs(failures, outageBaseMs, outageMaxMs));
}
