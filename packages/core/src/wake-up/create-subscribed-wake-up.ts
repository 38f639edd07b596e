import { setTimeout as delay } from "node:timers/promises";
import { defaults } from "../defaults.js";
import { describeFailure, type FailureDescription } from "../errors/describe-failure.js";
import { cautiousLogger } from "../internal/cautious-logger.js";
import type { Logger } from "../protocols/logger.js";
import type { StopListening, WakeUp } from "../protocols/wake-up.js";
import { outageBackoffMs } from "../resilience/backoff.js";

/** One subscription to a channel, until it is lost or closed. */
export interface WakeUpSubscription {
  /** Aborted, with the reason, when the connection is lost or listening ends. */
  readonly ended: AbortSignal;
  /** Rejects when the other end does not answer any more. */
  check(): Promise<void>;
  /** Never rejects, and takes a bounded time. */
  close(): Promise<void> | void;
}

/** What a listener's subscription is opened with. */
export interface WakeUpSubscriber {
  /** To be called for every wake-up. */
  readonly onWake: () => void;
  /** Ends the subscription, and the opening of it. */
  readonly stopping: AbortSignal;
}

/** Options of {@link createSubscribedWakeUp}. */
export interface SubscribedWakeUpOptions {
  /** Opens a subscription on a connection of its own. Rejects when that fails, and leaves no connection behind. */
  subscribe(subscriber: WakeUpSubscriber): Promise<WakeUpSubscription>;
  /** For log lines. */
  readonly channel: string;
  /** Told when wake-ups can no longer be heard, and when they are again. */
  readonly logger: Logger;
  /** What a log line says of an error; default: its code and its message. */
  readonly describe?: ((error: unknown) => FailureDescription) | undefined;
}

/**
 * The listening end of wake-ups, for an adapter: it subscribes again after any loss, with the backoff of an outage, and has each
 * subscription checked every 30 s, because a connection whose other end vanished says nothing.
 */
export function createSubscribedWakeUp(options: SubscribedWakeUpOptions): WakeUp {
  return Object.freeze({
    listen(onWake: () => void): StopListening {
      const stopping = new AbortController();
      const listening = listenUntil(stopping.signal, onWake, options);
      return () => {
        stopping.abort();
        return listening;
      };
    },
  });
}

/** Opens one subscription after the other. Never rejects. */
async function listenUntil(
  stopping: AbortSignal,
  onWake: () => void,
  { subscribe, channel, logger, describe = describeFailure }: SubscribedWakeUpOptions,
): Promise<void> {
  const log = cautiousLogger(logger);
  let isDeaf = false;
  let failures = 0;
  const hears = () => {
    if (isDeaf) log.warn({ channel }, "wake-ups are heard again");
    isDeaf = false;
    onWake();
  };
  while (!stopping.aborted) {
    const startedAt = performance.now();
    try {
      await listenOnce(await subscribe({ onWake, stopping }), hears);
    } catch (error) {
      if (stopping.aborted) return;
      // What lasted long is no part of a row of failures.
      failures = performance.now() - startedAt > defaults.outageMaxMs ? 1 : failures + 1;
      const fields = { channel, ...describe(error) };
      if (!isDeaf) log.warn(fields, "wake-ups are not heard; events wait for the next poll");
      isDeaf = true;
      // Stopped meanwhile, which the loop sees.
      await sleep(outageBackoffMs(failures), stopping).catch(() => undefined);
    }
  }
}

/** Listens until the subscription is over; rejects with the reason. */
async function listenOnce(subscription: WakeUpSubscription, hears: () => void): Promise<never> {
  try {
    hears();
    for (;;) {
      await sleep(defaults.wakeUpCheckEveryMs, subscription.ended);
      await subscription.check();
    }
  } finally {
    await subscription.close();
  }
}

/** Resolves after `delayMs`; rejects with the signal's reason when it is aborted before. */
async function sleep(delayMs: number, signal: AbortSignal): Promise<void> {
  await delay(delayMs, undefined, { signal }).catch(() => signal.throwIfAborted());
}
