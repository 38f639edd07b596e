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
import { channelName } from "./channel-name.js";
import { openListenSession } from "./open-listen-session.js";
import type { PgListenClientLike } from "./pg-listen-client-like.js";

/** Options of {@link createPostgresqlWakeUp}. */
export interface PostgresqlWakeUpOptions {
  /**
   * Makes a client of `pg` and connects it. Called again after each loss; the wake-up closes what it was given.
   *
   * It has to lead to the database itself: a pooler in transaction mode, such as PgBouncer's, accepts LISTEN and delivers nothing.
   */
  readonly connect: () => Promise<PgListenClientLike>;
  /** The senders' channel, 1 to 63 bytes; default `"omni_box_wake_up"`. */
  readonly channel?: string | undefined;
  /** Told when wake-ups can no longer be heard, and when they are again; default: stderr. */
  readonly logger?: Logger | undefined;
}

const wakeUpOptions = z.strictObject({
  connect: functionOption<PostgresqlWakeUpOptions["connect"]>("() => Promise of a connected pg client"),
  channel: channelName,
  logger: objectWith<Logger>("a logger", "debug", "info", "warn", "error").default(consoleLogger),
});

/**
 * Hears the wake-ups of {@link createPostgresqlWakeUpSender} by LISTEN, on a connection of its own.
 *
 * It connects again after any loss, with backoff, and notices within about half a minute when a connection has silently died or
 * delivers no notifications. One line is logged when wake-ups can no longer be heard, and one when they can again.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function createPostgresqlWakeUp(options: PostgresqlWakeUpOptions): WakeUp {
  const { connect, channel, logger } = validateOptions("createPostgresqlWakeUp", wakeUpOptions, options);
  return createSubscribedWakeUp({
    subscribe: (subscriber) => openListenSession({ connect, channel, ...subscriber }),
    channel,
    logger,
  });
}
