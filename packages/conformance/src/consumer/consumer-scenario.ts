import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import type { AckHandle, ConsumedMessage, DeliveryListener, EventConsumer } from "@omni-box/core";
import { eventually, settlesWithin } from "../settlement.js";
import type { ConsumerHarness } from "./consumer-harness.js";

/** One message in hand. */
export interface Delivery {
  readonly message: ConsumedMessage;
  readonly handle: AckHandle;
}

/** How a consumer of the cases works. */
export interface OpenConsumerOptions {
  /** Default 100. */
  readonly prefetch?: number;
  /** What happens to each message after it was noted down; default nothing. */
  readonly onDelivery?: (delivery: Delivery) => void;
}

/** The steps that cases are written in: a consumer and a note of everything that it delivered. */
export interface ConsumerScenario {
  readonly consumer: EventConsumer;
  /** Everything delivered so far, repetitions included, in the order of delivery. */
  readonly deliveries: readonly Delivery[];
  start(): Promise<void>;
  /** Resolves as soon as `count` messages have been delivered since the beginning, with all of them. */
  received(count: number): Promise<readonly Delivery[]>;
}

/** Longer than a reconnection of any adapter. */
const receiveTimeoutMs = 15_000;
/** What should not happen has no signal; a consumer with a fault delivers well within this time. */
const quietMs = 200;

/** Makes a consumer whose deliveries are noted down, without starting it. */
export function createScenario(harness: ConsumerHarness, options: OpenConsumerOptions = {}): ConsumerScenario {
  const { prefetch = 100, onDelivery = () => undefined } = options;
  const consumer = harness.createConsumer({ prefetch });
  const deliveries: Delivery[] = [];
  const waiting = new Set<() => void>();
  const listener: DeliveryListener = (message, handle) => {
    deliveries.push({ message, handle });
    onDelivery({ message, handle });
    for (const look of waiting) look();
  };
  const arrival = (count: number) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (deliveries.length < count) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
    });
  return {
    consumer,
    deliveries,
    start: () => consumer.start(listener),
    async received(count) {
      const what = `the delivery of ${count} messages`;
      await settlesWithin(arrival(count), receiveTimeoutMs, what).catch((error: unknown) => {
        throw deliveries.length < count ? new Error(`${deliveries.length} of ${count} messages were delivered`) : error;
      });
      return [...deliveries];
    },
  };
}

/** Starts a consumer and waits until it gets messages. */
export async function openConsumer(
  harness: ConsumerHarness,
  options: OpenConsumerOptions = {},
): Promise<ConsumerScenario> {
  const scenario = createScenario(harness, options);
  await scenario.start();
  await becomesHealthy(scenario.consumer);
  return scenario;
}

/** Waits until the consumer gets messages. */
export function becomesHealthy(consumer: EventConsumer): Promise<void> {
  return eventually(() => {
    const { status, reasons } = consumer.health();
    assert.equal(status, "healthy", reasons.join("; "));
  });
}

/** Waits until so many messages are in the queue, and checks that it stays so. */
export async function staysReady(harness: ConsumerHarness, count: number): Promise<void> {
  await eventually(async () => assert.equal(await harness.countReady(), count, "messages in the queue"));
  await pause(quietMs);
  assert.equal(await harness.countReady(), count, "messages in the queue a little later");
}

/** Checks that `count` messages have been delivered since the beginning, and that no more follow. */
export async function staysQuiet({ deliveries }: ConsumerScenario, count: number): Promise<void> {
  assert.equal(deliveries.length, count, "messages delivered");
  await pause(quietMs);
  assert.equal(deliveries.length, count, "messages delivered a little later");
}

/** Stops the consumer, which gives back what it has in hand, and checks how many messages are left in the queue. */
export async function leavesBehind(
  harness: ConsumerHarness,
  { consumer }: ConsumerScenario,
  count: number,
): Promise<void> {
  // Enough to tell the broker of what has been settled.
  await consumer.stop({ timeoutMs: 500 });
  await staysReady(harness, count);
}

/** The ids of delivered messages, in their order. */
export function deliveredIds(deliveries: readonly Delivery[]): (string | null)[] {
  return deliveries.map(({ message }) => message.messageId);
}
