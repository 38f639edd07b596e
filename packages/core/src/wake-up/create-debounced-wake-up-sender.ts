import { setTimeout as delay } from "node:timers/promises";
import { defaults } from "../defaults.js";
import { describeFailure, type FailureDescription } from "../errors/describe-failure.js";
import { cautiousLogger } from "../internal/cautious-logger.js";
import type { Logger } from "../protocols/logger.js";
import type { WakeUpSender } from "../protocols/wake-up.js";

/** Options of {@link createDebouncedWakeUpSender}. */
export interface DebouncedWakeUpSenderOptions {
  /** Sends one wake-up, in a bounded time. */
  send(): Promise<unknown>;
  /** For log lines. */
  readonly channel: string;
  /** Told when wake-ups can no longer be sent, and when they can again. */
  readonly logger: Logger;
  /** What a log line says of an error; default: its code and its message. */
  readonly describe?: ((error: unknown) => FailureDescription) | undefined;
}

/**
 * The sending end of wake-ups, for an adapter.
 *
 * The first `notify` sends at once; those of the next 10 ms become one wake-up after it. One is under way at a time, and while
 * none succeeds one a second is tried.
 */
export function createDebouncedWakeUpSender(options: DebouncedWakeUpSenderOptions): WakeUpSender {
  const { channel, describe = describeFailure } = options;
  const log = cautiousLogger(options.logger);
  let isWanted = false;
  let isBusy = false;
  let isFailing = false;

  async function sendWhileWanted(): Promise<void> {
    isBusy = true;
    while (isWanted) {
      isWanted = false;
      await send();
      await delay(isFailing ? defaults.wakeUpFailedIntervalMs : defaults.wakeUpIntervalMs);
    }
    isBusy = false;
  }

  async function send(): Promise<void> {
    try {
      await options.send();
      if (isFailing) log.warn({ channel }, "wake-ups are sent again");
      isFailing = false;
    } catch (error) {
      const fields = { channel, ...describe(error) };
      if (!isFailing) log.warn(fields, "wake-ups cannot be sent; events wait for the next poll");
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
