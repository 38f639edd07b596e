import assert from "node:assert/strict";
import type { ConsumerCase } from "./consumer-case.js";
import { deliveredIds, leavesBehind, openConsumer, staysQuiet, staysReady } from "./consumer-scenario.js";
import { messageIdsOf, rawMessages } from "./raw-message.js";

/** How many messages are in hand at once. */
export const prefetchCases: readonly ConsumerCase[] = [
  {
    id: "consumer.prefetch.bound",
    title: "no more messages than the prefetch are in hand at once, the others wait in the queue",
    guarantee: "G8",
    async run(harness) {
      const messages = rawMessages(20);
      await harness.publish(messages);
      const scenario = await openConsumer(harness, { prefetch: 5 });
      await scenario.received(5);
      await staysReady(harness, 15);
      assert.equal(scenario.deliveries.length, 5, "messages in hand");
      assert.equal(scenario.consumer.health().unsettled, 5);
      await leavesBehind(harness, scenario, 20);
    },
  },
  {
    id: "consumer.prefetch.refilled",
    title: "each settled message makes room for one more",
    guarantee: "G8",
    async run(harness, features) {
      const messages = rawMessages(30);
      await harness.publish(messages);
      const scenario = await openConsumer(harness, { prefetch: 3 });
      for (let settled = 0; settled < messages.length; settled += 1) {
        const deliveries = await scenario.received(Math.min(settled + 3, messages.length));
        assert.ok(deliveries.length <= settled + 3, `${deliveries.length - settled} messages in hand`);
        // Any of those in hand, the last as well as the first.
        const { handle } = deliveries[settled] ?? assert.fail("nothing in hand");
        if (features.includes("deadLetters") && settled % 4 === 3) handle.deadLetter();
        else handle.ack();
      }
      assert.deepEqual(deliveredIds(scenario.deliveries), messageIdsOf(messages));
      await leavesBehind(harness, scenario, 0);
    },
  },
  {
    id: "consumer.prefetch.one",
    title: "with a prefetch of 1 the next message comes only when the one in hand is settled",
    guarantee: "G8",
    async run(harness) {
      await harness.publish(rawMessages(3));
      const scenario = await openConsumer(harness, { prefetch: 1 });
      for (let count = 1; count <= 3; count += 1) {
        const deliveries = await scenario.received(count);
        await staysQuiet(scenario, count);
        deliveries[count - 1]?.handle.ack();
      }
      await leavesBehind(harness, scenario, 0);
    },
  },
  {
    id: "consumer.prefetch.filled",
    title:
      "a consumer that settles nothing gets as many as the prefetch allows, without waiting for the first to be settled",
    async run(harness) {
      const messages = rawMessages(100);
      const scenario = await openConsumer(harness, { prefetch: 100 });
      await harness.publish(messages);
      assert.deepEqual(deliveredIds(await scenario.received(100)), messageIdsOf(messages));
    },
  },
];
