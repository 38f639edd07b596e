import { setTimeout as delay } from "node:timers/promises";
import {
  consoleLogger,
  describeFailure,
  type Logger,
  objectWith,
  validateOptions,
  type WakeUpSender,
} from "@omni-box/core";
import { z } from "zod";
import { prismaDefaults } from "../defaults.js";
import type { PrismaClientLike } from "../prisma-client-like.js";
import { createStatementRunner } from "../run-statement.js";
import { warnCautiously } from "../warn-cautiously.js";
import { channelName } from "./channel-name.js";

/** Options of {@link createPostgresqlWakeUpSender}. */
export interface PostgresqlWakeUpSenderOptions {
  /** 1 to 63 bytes; default `"omni_box_wake_up"`. All listeners of the database's channel are woken, whatever their schema. */
  readonly channel?: string | undefined;
  /** Told when wake-ups can no longer be sent, and when they can again; default: stderr. */
  readonly logger?: Logger | undefined;
}

const argumentsSchema = z.strictObject({
  client: objectWith<PrismaClientLike>("a Prisma client", "$executeRawUnsafe", "$connect"),
  options: z.strictObject({
    channel: channelName,
    logger: objectWith<Logger>("a logger", "debug", "info", "warn", "error").default(consoleLogger),
  }),
});

/**
 * Sends wake-ups by NOTIFY over a Prisma client for PostgreSQL, outside of transactions: a NOTIFY inside of them would make all
 * commits of the database that notify wait for one another.
 *
 * The first `notify` sends at once; those of the next 10 ms become one notification after it. One statement is under way at a
 * time, and while none succeeds one a second is tried.
 *
 * @param client - the application's client, extended or not, but not a transaction
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function createPostgresqlWakeUpSender(
  client: PrismaClientLike,
  options: PostgresqlWakeUpSenderOptions = {},
): WakeUpSender {
  const checked = validateOptions("createPostgresqlWakeUpSender", argumentsSchema, { client, options }).options;
  const { channel, logger } = checked;
  const { intervalMs, failedIntervalMs, timeoutMs } = prismaDefaults.wakeUp;
  const { unansweredForMs } = prismaDefaults;
  const { run } = createStatementRunner({ timeoutMs, maxUnanswered: 1, unansweredForMs });
  let isWanted = false;
  let isBusy = false;
  let isFailing = false;

  async function sendWhileWanted(): Promise<void> {
    isBusy = true;
    while (isWanted) {
      isWanted = false;
      await send();
      await delay(isFailing ? failedIntervalMs : intervalMs);
    }
    isBusy = false;
  }

  async function send(): Promise<void> {
    try {
      // The result is of type void, which $queryRaw cannot read.
      await run("send a wake-up", () => client.$executeRawUnsafe("SELECT pg_notify($1, '')", channel));
      if (isFailing) warnCautiously(logger, { channel }, "wake-ups are sent again");
      isFailing = false;
    } catch (error) {
      const fields = { channel, ...describeFailure(error) };
      if (!isFailing) warnCautiously(logger, fields, "wake-ups cannot be sent; events wait for the next poll");
      isFailing = true;
    }
  }

  return Object.freeze({
    notify() {
      isWanted = true;
      if (!isBusy) void sendWhileWanted();
    },
  });
}
