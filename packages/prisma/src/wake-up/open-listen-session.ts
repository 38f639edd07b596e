import { randomUUID } from "node:crypto";
import { OmniBoxError, type WakeUpSubscriber, type WakeUpSubscription } from "@omni-box/core";
import { prismaDefaults } from "../defaults.js";
import { quoteIdentifier } from "../postgresql/qualify-table.js";
import type { PgListenClientLike } from "./pg-listen-client-like.js";
import { waitWithin } from "./wait-within.js";

/** What a session listens with. */
export interface ListenSessionOptions extends WakeUpSubscriber {
  connect(): Promise<PgListenClientLike>;
  readonly channel: string;
}

/** What a listener sends itself; other listeners of the channel hear it too and are not woken by it. */
const checkPrefix = "omni-box-check:";
const { timeoutMs, closeTimeoutMs } = prismaDefaults.wakeUp;

/** Connects and listens. Rejects when that fails; no connection is left behind then. It is checked by a notification to itself. */
export async function openListenSession(options: ListenSessionOptions): Promise<WakeUpSubscription> {
  const { channel, onWake, stopping } = options;
  const client = await connectWithin(options);
  const ending = new AbortController();
  const ended = ending.signal;
  const stop = () => ending.abort(stopping.reason);
  stopping.addEventListener("abort", stop);
  const ownCheck = `${checkPrefix}${randomUUID()}`;
  let checkArrived = () => {};

  // The listener stays when the session is over: without one, a late error of the driver would end the process.
  client.on("error", (error) => ending.abort(error));
  client.on("end", () => ending.abort(new OmniBoxError("STORE.UNREACHABLE", "the connection was closed")));
  client.on("notification", (notification) => {
    if (ended.aborted || notification.channel !== channel) return;
    if (notification.payload === ownCheck) checkArrived();
    else if (!notification.payload?.startsWith(checkPrefix)) onWake();
  });

  const session = {
    ended,
    async check() {
      const arrived = new Promise<void>((resolve) => {
        checkArrived = resolve;
      });
      const sent = client.query("SELECT pg_notify($1, $2)", [channel, ownCheck]);
      await waitWithin(sent, timeoutMs, "a notification to itself", ended);
      await waitWithin(arrived, timeoutMs, notDelivered, ended);
    },
    async close() {
      stopping.removeEventListener("abort", stop);
      ending.abort();
      await closeWithin(client);
    },
  };
  try {
    await waitWithin(client.query(`LISTEN ${quoteIdentifier(channel)}`), timeoutMs, notConnected, ended);
    await session.check();
    return session;
  } catch (error) {
    await session.close();
    throw error;
  }
}

const notConnected = "LISTEN: does connect() return a client that is connected?";
const notDelivered =
  "a notification to itself: a pooler in transaction mode delivers none, so connect to the database directly";

async function connectWithin({ connect, stopping }: ListenSessionOptions): Promise<PgListenClientLike> {
  const connecting = (async () => connect())();
  try {
    return await waitWithin(connecting, timeoutMs, "connect()", stopping);
  } catch (error) {
    // It may come yet, and nobody waits for it any more; if it fails, that has been reported.
    connecting.then(closeWithin, () => undefined);
    throw error;
  }
}

async function closeWithin(client: PgListenClientLike): Promise<void> {
  const silent = new AbortController().signal;
  // What cannot be closed is lost already; the server notices by itself.
  await waitWithin(client.end(), closeTimeoutMs, "the closing", silent).catch(() => undefined);
}
