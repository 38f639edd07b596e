import {
  consoleLogger,
  defaults,
  describeFailure,
  fullJitterBackoffMs,
  functionOption,
  type Logger,
  objectWith,
  type StopListening,
  validateOptions,
  type WakeUp,
} from "@omni-box/core";
import { z } from "zod";
import { prismaDefaults } from "../defaults.js";
import { warnCautiously } from "../warn-cautiously.js";
import { channelName } from "./channel-name.js";
import { openListenSession } from "./open-listen-session.js";
import type { PgListenClientLike } from "./pg-listen-client-like.js";
import { sleep } from "./wait-within.js";

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

type ResolvedOptions = z.output<typeof wakeUpOptions>;

/**
 * Hears the wake-ups of {@link createPostgresqlWakeUpSender} by LISTEN, on a connection of its own.
 *
 * It connects again after any loss, with backoff, and notices within about half a minute when a connection has silently died or
 * delivers no notifications. One line is logged when wake-ups can no longer be heard, and one when they can again.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function createPostgresqlWakeUp(options: PostgresqlWakeUpOptions): WakeUp {
  const resolved = validateOptions("createPostgresqlWakeUp", wakeUpOptions, options);
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

/** Opens one session after the other. Never rejects. */
async function listenUntil(
  stopping: AbortSignal,
  onWake: () => void,
  { connect, channel, logger }: ResolvedOptions,
): Promise<void> {
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
      const fields = { channel, ...describeFailure(error) };
      if (!isDeaf) warnCautiously(logger, fields, "wake-ups are not heard; events wait for the next poll");
      isDeaf = true;
      await sleep(backoffMs(failures), stopping).catch(() => undefined);
    }
  }
}

/** Listens on one connection; rejects with the reason when that is over. */
async function listenOnce(options: Parameters<typeof openListenSession>[0], hears: () => void): Promise<never> {
  const session = await openListenSession(options);
  try {
    hears();
    for (;;) {
      await sleep(prismaDefaults.wakeUp.checkEveryMs, session.ended);
      await session.check();
    }
  } finally {
    await session.close();
  }
}

/** Never less than a tenth of the ceiling: full jitter alone may draw a row of zeros and hammer what is down. */
function backoffMs(failures: number): number {
  const { outageBaseMs, outageMaxMs } = defaults;
  const ceiling = Math.min(outageMaxMs, outageBaseMs * 2 ** Math.min(failures - 1, 16));
  return Math.max(ceiling / 10, fullJitterBackoffMs(failures, outageBaseMs, outageMaxMs));
}
