import type { ConsumerFeature, ConsumerHarness } from "@omni-box/conformance";
import type { EventConsumer } from "@omni-box/core";
import { createMemoryBroker } from "@omni-box/core/testing";

export const memoryConsumerFeatures: readonly ConsumerFeature[] = ["deliveryCount", "deadLetters", "connectionLoss"];

/** A harness over an in-memory broker of its own. */
export function createMemoryConsumerHarness(): ConsumerHarness {
  const source = "orders";
  const broker = createMemoryBroker();
  broker.bind(source, "#");
  const consumers: EventConsumer[] = [];
  return {
    source,
    createConsumer({ prefetch }) {
      const consumer = broker.consumer({ queue: source, prefetch });
      consumers.push(consumer);
      return consumer;
    },
    async publish(messages) {
      for (const { headers, ...message } of messages) {
        const texts = Object.entries(headers).map(([name, value]) => [name, String(value)]);
        broker.publishRaw(source, { ...message, headers: Object.fromEntries(texts) });
      }
    },
    countReady: async () => broker.countReady(source),
    deadLettered: async () => broker.deadLetters(source).map(({ messageId }) => messageId),
    cutConnection: async () => broker.disconnect(),
    restoreConnection: async () => broker.reconnect(),
    async close() {
      await Promise.all(consumers.map((consumer) => consumer.stop({ timeoutMs: 0 })));
    },
  };
}
