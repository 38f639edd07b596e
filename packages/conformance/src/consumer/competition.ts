import assert from "node:assert/strict";
import { eventually } from "../settlement.js";
import type { ConsumerCase } from "./consumer-case.js";
import { deliveredIds, leavesBehind, openConsumer, staysReady } from "./consumer-scenario.js";
import { messageIdsOf, rawMessages } from "./raw-message.js";

/** Several consumers of one queue. */
export const competitionCases: readonly ConsumerCase[] = [
  {
    id: "consumer.competition.shared",
    title: "two consumers of a queue get each message once, at one of the two",
    async run(harness) {
      const messages = rawMessages(200);
      const all: (string | null)[] = [];
      const share = () =>
        openConsumer(harness, {
          prefetch: 10,
          onDelivery({ message, handle }) {
            all.push(message.messageId);
            setImmediate(() => handle.ack());
          },
        });
      const [first, second] = [await share(), await share()];
      await harness.publish(messages);
      await eventually(() => assert.ok(all.length >= messages.length, `${all.length} messages were delivered`));
      await staysReady(harness, 0);
      assert.deepEqual([...all].sort(), messageIdsOf(messages).sort());
      assert.ok(first.deliveries.length > 0 && second.deliveries.length > 0, "one consumer got everything");
      await first.consumer.stop({ timeoutMs: 5_000 });
      await second.consumer.stop({ timeoutMs: 5_000 });
      await staysReady(harness, 0);
    },
  },
  {
    id: "consumer.competition.taken-over",
    title: "what a stopped consumer had in hand goes to another one",
    guarantee: "G2",
    async run(harness) {
      const messages = rawMessages(10);
      await harness.publish(messages);
      const first = await openConsumer(harness);
      await first.received(10);
      const second = await openConsumer(harness);
      assert.deepEqual(second.deliveries, [], "a message in hand was delivered to another consumer");
      await first.consumer.stop({ timeoutMs: 0 });
      const taken = await second.received(10);
      assert.deepEqual(deliveredIds(taken).sort(), messageIdsOf(messages).sort());
      for (const { handle } of taken) handle.ack();
      await leavesBehind(harness, second, 0);
    },
  },
];
