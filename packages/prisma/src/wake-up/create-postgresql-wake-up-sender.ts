import {
  consoleLogger,
  createDebouncedWakeUpSender,
  type Logger,
  objectWith,
  validateOptions,
  type WakeUpSender,
} from "@omni-box/core";
import { z } from "zod";
import { prismaDefaults } from "../defaults.js";
import type { PrismaClientLike } from "../prisma-client-like.js";
import { createStatementRunner } from "../run-statement.js";
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
  const { timeoutMs } = prismaDefaults.wakeUp;
  const { unansweredForMs } = prismaDefaults;
  const { run } = createStatementRunner({ timeoutMs, maxUnanswered: 1, unansweredForMs });
  // The result is of type void, which $queryRaw cannot read.
  const send = () => run("send a wake-up", () => client.$executeRawUnsafe("SELECT pg_notify($1, '')", channel));
  return createDebouncedWakeUpSender({ send, channel, logger });
}
