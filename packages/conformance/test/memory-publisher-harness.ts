import { setTimeout as pause } from "node:timers/promises";
import type { PublisherFeature, PublisherHarness } from "@omni-box/conformance";
import { createMemoryBroker } from "@omni-box/core/testing";

export const memoryPublisherFeatures: readonly PublisherFeature[] = [
  "unroutable",
  "connectionLoss",
  "heldConfirms",
  "flowControl",
  "nack",
  "unsendable",
];

const maxMessageBytes = 4_000_000;
/** Nothing in memory takes so long. */
const receiveTimeoutMs = 1_000;

/** A harness over an in-memory broker of its own. */
export function createMemoryPublisherHarness(): PublisherHarness {
  const broker = createMemoryBroker({ maxMessageBytes });
  const closing = new AbortController();
  let topics = 0;
  const createTopic = async () => {
    topics += 1;
    broker.bind(`topic-${topics}`, `topic-${topics}`);
    return `topic-${topics}`;
  };
  const timeOut = async (topic: string, count: number) => {
    await pause(receiveTimeoutMs, undefined, { signal: closing.signal });
    throw new Error(`${topic} got ${broker.messages(topic).length} messages instead of ${count}`);
  };
  return {
    createPublisher: () => broker.publisher(),
    createTopic,
    receive: (topic, count) => Promise.race([broker.waitForMessages(topic, count), timeOut(topic, count)]),
    unroutableTopic: "nowhere",
    cutConnection: async () => broker.disconnect(),
    restoreConnection: async () => broker.reconnect(),
    holdConfirms: async () => broker.holdConfirms(),
    releaseConfirms: async () => broker.releaseConfirms(),
    block: async () => broker.block(),
    unblock: async () => broker.unblock(),
    async createRefusingTopic() {
      const topic = await createTopic();
      broker.nackNext(Number.POSITIVE_INFINITY, topic);
      return topic;
    },
    unsendable: { body: new Uint8Array(maxMessageBytes + 1) },
    close: async () => closing.abort(),
  };
}
