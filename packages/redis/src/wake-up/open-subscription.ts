import type { WakeUpSubscriber, WakeUpSubscription } from "@omni-box/core";
import { redisDefaults } from "../defaults.js";
import type { RedisSubscriberLike } from "../redis-client-like.js";
import { createUntilReady } from "../until-ready.js";
import { waitWithin } from "../wait-within.js";

/** What a subscription is made of. */
export interface SubscriptionOptions extends WakeUpSubscriber {
  connect(): RedisSubscriberLike | Promise<RedisSubscriberLike>;
  readonly channel: string;
}

const { timeoutMs } = redisDefaults.wakeUp;

/**
 * Connects and subscribes. Rejects when that fails; no connection is left behind then.
 *
 * A client that has lost its connection is given up for a new one, although it would connect again by itself: what was published meanwhile
 * is lost in any case, and so there is one way to begin.
 */
export async function openSubscription(options: SubscriptionOptions): Promise<WakeUpSubscription> {
  const { channel, onWake, stopping } = options;
  const client = await connectWithin(options);
  const ending = new AbortController();
  const ended = ending.signal;
  let lastError: unknown = new Error("the connection was closed");
  const stop = () => ending.abort(stopping.reason);
  stopping.addEventListener("abort", stop);

  function close(): void {
    stopping.removeEventListener("abort", stop);
    ending.abort(lastError);
    client.disconnect();
  }

  // The listeners stay when the subscription is over: without one, ioredis would print late errors.
  client.on("error", (error) => {
    lastError = error;
  });
  for (const event of ["close", "end"] as const) client.on(event, () => ending.abort(lastError));
  client.on("message", (from) => {
    if (!ended.aborted && from === channel) onWake();
  });

  const subscription: WakeUpSubscription = {
    ended,
    async check() {
      await waitWithin(client.ping(), timeoutMs, "PING", ended);
    },
    close,
  };
  try {
    await waitWithin(createUntilReady(client)(ended), timeoutMs, "the connecting", ended);
    await waitWithin(client.subscribe(channel), timeoutMs, "SUBSCRIBE", ended);
    return subscription;
  } catch (error) {
    close();
    throw error;
  }
}

async function connectWithin({ connect, stopping }: SubscriptionOptions): Promise<RedisSubscriberLike> {
  const connecting = (async () => connect())();
  try {
    return await waitWithin(connecting, timeoutMs, "connect()", stopping);
  } catch (error) {
    // It may come yet, and nobody waits for it any more; if it fails, that has been reported.
    connecting.then(
      (late) => late.disconnect(),
      () => undefined,
    );
    throw error;
  }
}
