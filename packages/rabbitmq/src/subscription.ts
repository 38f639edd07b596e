import { setMaxListeners } from "node:events";
import { type AckHandle, type Clock, type DeliveryListener, describeFailure, type Logger } from "@omni-box/core";
import type { AmqpChannelLike, AmqpDelivery } from "./amqp-connection-like.js";
import { asError } from "./as-error.js";
import { decodeDelivery } from "./decode-delivery.js";
import { rabbitMqDefaults } from "./defaults.js";
import { Settlements } from "./settlements.js";
import { withinTime } from "./within-time.js";

/** What a {@link Subscription} needs and whom it tells. */
export interface SubscriptionOptions {
  readonly queue: string;
  readonly prefetch: number;
  readonly countsDeliveries: boolean;
  /** Whether another consumer takes over as soon as this one's subscription ends. */
  readonly singleActiveConsumer: boolean;
  readonly closeTimeoutMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly listener: DeliveryListener;
  /** Nothing is in hand any more. */
  readonly onEmpty: () => void;
  /** The channel is gone, or gets no messages any more, though nobody here wanted that. */
  readonly onLost: (reason: Error) => void;
}

/** Unique on the channel, which is all that it must be. */
const consumerTag = "omni-box";
const fenceTag = "omni-box-fence";

/**
 * One channel with one subscription, and everything that was delivered through it.
 *
 * Delivery tags mean something on their own channel only, so what came from here can be settled here or not at all.
 */
export class Subscription {
  readonly #channel: AmqpChannelLike;
  readonly #options: SubscriptionOptions;
  readonly #settlements: Settlements;
  readonly #lost = new AbortController();
  #error: Error | null = null;
  #pausing: Promise<void> | null = null;
  /** Messages that still come are left alone; the closing of the channel gives them back. */
  #takesNoMore = false;
  #isSilent = false;
  #hasEnded = false;

  constructor(channel: AmqpChannelLike, options: SubscriptionOptions) {
    this.#channel = channel;
    this.#options = options;
    const { prefetch, clock, onEmpty } = options;
    this.#settlements = new Settlements({
      wire: {
        ack: (tag, allUpTo) => this.#write(() => channel.ack({ fields: { deliveryTag: tag } }, allUpTo)),
        nack: (tag, requeue) => this.#write(() => channel.nack({ fields: { deliveryTag: tag } }, false, requeue)),
      },
      clock,
      // Well below `prefetch`, or the broker would have nothing to send while the last ones wait.
      batchSize: Math.max(1, Math.min(rabbitMqDefaults.ackBatchSize, Math.floor(prefetch / 4))),
      delayMs: rabbitMqDefaults.ackDelayMs,
      onEmpty,
    });
    // Every handler in work may listen.
    setMaxListeners(0, this.#lost.signal);
    // An emitter without an `error` listener would end the process.
    channel.on("error", (error) => {
      this.#error = asError(error, "The channel failed");
    });
    channel.prependListener("close", () => this.#loseIt(this.#error ?? new Error("The channel was closed")));
  }

  get unsettled(): number {
    return this.#settlements.unsettled;
  }

  /** Whether the broker did not answer in time. */
  get isSilent(): boolean {
    return this.#isSilent;
  }

  /** Begins to deliver. Rejects with the broker's refusal. */
  async begin(): Promise<void> {
    const { queue, prefetch } = this.#options;
    await Promise.all([
      this.#channel.prefetch(prefetch),
      this.#channel.consume(queue, (message) => this.#onDelivery(message), { consumerTag }),
    ]);
  }

  /** Delivers no more once it has resolved; never rejects. */
  pause(): Promise<void> {
    this.#pausing ??= this.#pause();
    return this.#pausing;
  }

  /** Tells the broker what it has not been told, makes sure that it was heard, and gives back what is unsettled. Never rejects. */
  async close(): Promise<void> {
    if (this.#hasEnded) return;
    this.#settlements.flush();
    this.end(new Error("The consumer was stopped"));
    if (!this.#isSilent) await this.#answered(() => this.#awaitSettlements());
    if (!this.#isSilent) await this.#answered(() => this.#channel.close());
  }

  /** The channel is of no use any more: nothing of it is settled from now on, and whoever works on it is told. */
  end(reason: Error): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#settlements.end();
    this.#lost.abort(reason);
  }

  async #pause(): Promise<void> {
    // With a single active consumer the end of the subscription would let another one begin with the messages behind those in
    // hand here. It keeps its place until the channel is closed, which comes after they are settled.
    if (!this.#options.singleActiveConsumer && !this.#hasEnded) {
      await this.#answered(() => this.#channel.cancel(consumerTag));
    }
    this.#takesNoMore = true;
  }

  /**
   * Resolves when the queue knows of everything that was settled.
   *
   * The closing of a channel does not wait for it: once 32 commands to a quorum queue are on their way, RabbitMQ keeps further
   * settlements back in the channel, and forgets them with it (289 of 1,000 in a test). A subscription and its end are
   * answered only when the queue has taken them, and the settlements before them. This one asks for no messages.
   */
  async #awaitSettlements(): Promise<void> {
    const channel = this.#channel;
    await channel.prefetch(1);
    const noCredit = { credit: { "!": "long", value: 0 }, drain: false };
    const options = { consumerTag: fenceTag, arguments: { "x-credit": noCredit } };
    // What comes all the same, from a broker that knows no credit, goes back with the closing of the channel.
    await channel.consume(this.#options.queue, () => undefined, options);
    await channel.cancel(fenceTag);
  }

  /** Waits for the broker's answer, but not longer than it may take to notice that there will be none. */
  async #answered(ask: () => Promise<unknown>): Promise<void> {
    const { clock, closeTimeoutMs } = this.#options;
    const silence = new Error(`RabbitMQ did not answer within ${closeTimeoutMs} ms`);
    try {
      // The async function turns amqplib's exception for a closed channel into a rejection.
      const answer = (async () => ask())();
      await withinTime(answer, { clock, timeoutMs: closeTimeoutMs, timeoutError: () => silence });
    } catch (error) {
      // Any other error says that the channel is gone, and with it all that was to be ended.
      if (error === silence) this.#isSilent = true;
    }
  }

  // Runs inside amqplib's frame loop, where a thrown error would end the channel: nothing here or below may throw.
  #onDelivery(message: AmqpDelivery | null): void {
    const { queue, countsDeliveries, listener, logger } = this.#options;
    if (message === null) {
      this.#loseIt(new Error(`RabbitMQ ended the subscription to queue "${queue}"; it may have been deleted`));
      return;
    }
    if (this.#hasEnded || this.#takesNoMore) return;
    const tag = message.fields.deliveryTag;
    const { signal } = this.#lost;
    this.#settlements.delivered(tag);
    try {
      listener(decodeDelivery(message, queue, countsDeliveries), handleFor(tag, this.#settlements, signal));
    } catch (error) {
      logger.error({ queue, error: describeFailure(error) }, "a delivery listener threw; its message stays in hand");
    }
  }

  #write(write: () => void): void {
    try {
      write();
    } catch (error) {
      // The channel is closing and has not said so yet.
      this.#loseIt(asError(error, "The channel failed"));
    }
  }

  #loseIt(reason: Error): void {
    if (this.#hasEnded) return;
    this.end(reason);
    this.#options.onLost(reason);
  }
}

function handleFor(tag: number, settlements: Settlements, lost: AbortSignal): AckHandle {
  return {
    lost,
    ack: () => settlements.ack(tag),
    requeue: () => settlements.nack(tag, true),
    deadLetter: () => settlements.nack(tag, false),
  };
}
