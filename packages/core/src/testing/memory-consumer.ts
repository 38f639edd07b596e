import { z } from "zod";
import { OmniBoxError } from "../errors/omni-box-error.js";
import { validateOptions } from "../errors/validate-options.js";
import type { CancelTimer, Clock } from "../protocols/clock.js";
import type {
  AckHandle,
  ConsumedMessage,
  ConsumerHealth,
  DeliveryListener,
  EventConsumer,
} from "../protocols/event-consumer.js";
import type { Delivery, DeliveryQueue, DeliveryTaker } from "./memory-delivery-queue.js";

/** Options of `MemoryBroker.consumer`. */
export interface MemoryConsumerOptions {
  /** Has to be bound when the consumer starts. */
  readonly queue: string;
  /** Most messages in hand at once; default 100. */
  readonly prefetch?: number | undefined;
  /** `false` behaves like a broker that says only whether a message is redelivered; default `true`. */
  readonly countsDeliveries?: boolean | undefined;
  /** `false` behaves like a broker that drops refused messages; default `true`. */
  readonly deadLetters?: boolean | undefined;
}

/** A consumer's connection to the in-memory broker. */
export interface MemoryConsumerLink {
  readonly connected: boolean;
  /** `null` when there is no such queue. */
  queueNamed(name: string): DeliveryQueue | null;
  onChange(listener: (change: ConsumerLinkChange) => void): void;
}

/** What happens to a consumer's connection: its channels end, or it is worth trying to open one. */
export type ConsumerLinkChange = "lost" | "usable";

const consumerOptions = z.strictObject({
  queue: z.string().min(1),
  prefetch: z.int().min(1).max(65_535).default(100),
  countsDeliveries: z.boolean().default(true),
  deadLetters: z.boolean().default(true),
});

interface Channel extends DeliveryTaker {
  readonly queue: DeliveryQueue;
  readonly lost: AbortController;
  readonly inHand: Set<Delivery>;
}

/** Creates a consumer over one link of the in-memory broker. */
export function createMemoryConsumer(
  link: MemoryConsumerLink,
  clock: Clock,
  given: MemoryConsumerOptions,
): EventConsumer {
  const options = validateOptions("broker.consumer", consumerOptions, given);
  const { queue: source, prefetch } = options;
  let phase: "idle" | "started" | "paused" | "stopped" = "idle";
  let listener: DeliveryListener = () => undefined;
  let channel: Channel | null = null;
  let stopping: Promise<void> | null = null;
  let onDrained: () => void = () => undefined;

  link.onChange((change) => {
    if (change === "lost") closeChannel();
    else if (phase === "started") subscribe();
  });

  /** Does nothing while the broker cannot be reached or has no such queue: the link says when to try again. */
  function subscribe(): void {
    const queue = link.connected ? link.queueNamed(source) : null;
    if (queue === null) return;
    channel ??= openChannel(queue);
    queue.addTaker(channel);
  }

  function openChannel(queue: DeliveryQueue): Channel {
    const opened: Channel = {
      queue,
      lost: new AbortController(),
      inHand: new Set(),
      hasRoom: () => opened.inHand.size < prefetch,
      take(delivery) {
        opened.inHand.add(delivery);
        listener(messageOf(delivery), handleOf(opened, delivery));
      },
    };
    return opened;
  }

  /** What is unsettled goes back to the queue, and its handles settle nothing any more. */
  function closeChannel(): void {
    if (channel === null) return;
    const { queue, lost, inHand } = channel;
    queue.removeTaker(channel);
    channel = null;
    const unsettled = [...inHand];
    inHand.clear();
    for (const delivery of unsettled) queue.putBack(delivery);
    lost.abort();
    onDrained();
  }

  function messageOf({ message, deliveryCount }: Delivery): ConsumedMessage {
    return Object.freeze<ConsumedMessage>({
      ...message,
      body: Uint8Array.from(message.body),
      source,
      redelivered: deliveryCount > 0,
      deliveryCount: options.countsDeliveries ? deliveryCount : null,
    });
  }

  function handleOf({ queue, lost, inHand }: Channel, delivery: Delivery): AckHandle {
    const settle = (act: () => void) => {
      if (!inHand.delete(delivery)) return;
      act();
      if (inHand.size === 0) onDrained();
    };
    return Object.freeze<AckHandle>({
      lost: lost.signal,
      ack: () => settle(() => queue.wake()),
      requeue: () => settle(() => queue.putBack(delivery)),
      deadLetter: () =>
        settle(() => {
          if (options.deadLetters) queue.deadLetters.push(delivery.message);
          queue.wake();
        }),
    });
  }

  function unsubscribe(next: "paused" | "stopped"): void {
    if (phase === "started" || next === "stopped") phase = next;
    if (channel !== null) channel.queue.removeTaker(channel);
  }

  const unsettled = () => channel?.inHand.size ?? 0;

  async function drain(timeoutMs: number): Promise<void> {
    if (unsettled() > 0) {
      let cancelTimer: CancelTimer = () => undefined;
      await new Promise<void>((resolve) => {
        onDrained = resolve;
        cancelTimer = clock.schedule(timeoutMs, resolve);
      });
      cancelTimer();
    }
    closeChannel();
  }

  function problemOf(): string | null {
    if (phase !== "started") return `the consumer is ${phase}`;
    if (!link.connected) return "the broker cannot be reached";
    return channel === null ? `there is no queue "${source}"` : null;
  }

  return Object.freeze<EventConsumer>({
    capabilities: Object.freeze({ countsDeliveries: options.countsDeliveries, deadLetters: options.deadLetters }),
    prefetch,

    async start(given: DeliveryListener): Promise<void> {
      await stopping;
      if (phase === "started") return;
      if (link.connected && link.queueNamed(source) === null) {
        throw new OmniBoxError("CONFIG.TOPOLOGY_MISMATCH", `there is no queue "${source}": bind it before the start`);
      }
      phase = "started";
      listener = given;
      subscribe();
    },

    async pause(): Promise<void> {
      unsubscribe("paused");
    },

    async stop({ timeoutMs }: { readonly timeoutMs: number }): Promise<void> {
      unsubscribe("stopped");
      stopping ??= drain(timeoutMs).finally(() => {
        stopping = null;
      });
      await stopping;
    },

    health(): ConsumerHealth {
      const problem = problemOf();
      if (problem === null) return { status: "healthy", reasons: [], unsettled: unsettled() };
      return { status: "unhealthy", reasons: [problem], unsettled: unsettled() };
    },
  });
}
