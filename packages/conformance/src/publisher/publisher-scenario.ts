import assert from "node:assert/strict";
import type { EventPublisher, OutgoingMessage, PublishOptions } from "@omni-box/core";
import { allowanceMs, eventually, eventuallyPublishes, settlesWithin } from "../settlement.js";
import type { PublisherHarness, ReceivedMessage } from "./publisher-harness.js";
import { sampleMessage } from "./sample-message.js";

/** How long a publish of the cases may take when nothing is wrong. */
export const publishTimeoutMs = 10_000;

/** The steps that cases are written in: a started publisher and a topic of its own. */
export interface PublisherScenario {
  readonly publisher: EventPublisher;
  readonly topic: string;
  /** Publishes with the common time-out and watches that the call settles. */
  publish(message: OutgoingMessage, options?: Partial<PublishOptions>): Promise<void>;
  /** Publishes one more message, trying again through reconnections, and returns what the topic has received up to it. */
  receivedBeforeNow(): Promise<readonly ReceivedMessage[]>;
}

/** Starts a publisher on a fresh topic, and waits until it can publish. */
export async function openPublisher(harness: PublisherHarness): Promise<PublisherScenario> {
  const topic = await harness.createTopic();
  const publisher = harness.createPublisher();
  await publisher.start();
  await eventually(() => assert.equal(publisher.health().status, "healthy", publisher.health().reasons.join("; ")));
  return {
    publisher,
    topic,
    publish: (message, options = {}) => publishWith(publisher, message, options),
    receivedBeforeNow: () => receivedUpToMarker(harness, publisher, topic),
  };
}

/** Publishes with the common time-out and watches that the call settles. */
export function publishWith(
  publisher: EventPublisher,
  message: OutgoingMessage,
  options: Partial<PublishOptions> = {},
): Promise<void> {
  const timeoutMs = options.timeoutMs ?? publishTimeoutMs;
  return settlesWithin(publisher.publish(message, { ...options, timeoutMs }), timeoutMs + allowanceMs, "a publish");
}

/** Marks the end of a topic with a message of its own and returns what has arrived before it. */
export async function receivedUpToMarker(
  harness: PublisherHarness,
  publisher: EventPublisher,
  topic: string,
): Promise<readonly ReceivedMessage[]> {
  // The same key as that of `sampleMessage`, so that it cannot overtake what was sent before.
  const marker = sampleMessage(topic, { type: "kit.marker" });
  await eventuallyPublishes(() => publishWith(publisher, marker, { timeoutMs: 2_000 }));
  for (let count = 1; ; count += 1) {
    const received = await harness.receive(topic, count);
    const end = received.findIndex(({ id }) => id === marker.id);
    if (end >= 0) return received.slice(0, end);
    count = received.length;
  }
}

/** The ids of messages, in their order. */
export function idsOf(messages: readonly { readonly id: string }[]): string[] {
  return messages.map(({ id }) => id);
}
