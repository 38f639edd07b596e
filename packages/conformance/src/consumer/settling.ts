import assert from "node:assert/strict";
import { eventually } from "../settlement.js";
import type { ConsumerCase } from "./consumer-case.js";
import type { ConsumerHarness } from "./consumer-harness.js";
import {
  type Delivery,
  deliveredIds,
  leavesBehind,
  openConsumer,
  staysQuiet,
  staysReady,
} from "./consumer-scenario.js";
import { messageIdsOf, rawMessage, rawMessages } from "./raw-message.js";

/** What becomes of a message on the word of its listener. */
export const settlingCases: readonly ConsumerCase[] = [
  {
    id: "consumer.settle.ack",
    title: "an acked message is gone, and one that is not settled goes back when the consumer stops",
    guarantee: "G2",
    async run(harness, features) {
      const messages = rawMessages(10);
      await harness.publish(messages);
      const scenario = await openConsumer(harness);
      const deliveries = await scenario.received(10);
      for (const { handle } of deliveries.filter((_, index) => index % 2 === 0)) handle.ack();
      await leavesBehind(harness, scenario, 5);
      const next = await openConsumer(harness);
      const again = await next.received(5);
      const unsettled = messages.filter((_, index) => index % 2 === 1);
      assert.deepEqual(deliveredIds(again).sort(), messageIdsOf(unsettled).sort());
      for (const { message } of again) {
        assert.equal(message.redelivered, true);
        if (features.includes("deliveryCount")) assert.equal(message.deliveryCount, 1);
      }
    },
  },
  {
    id: "consumer.settle.requeue",
    title: "a requeued message is delivered again as a redelivery, the others are not",
    guarantee: "G2",
    async run(harness) {
      const [first, second] = [rawMessage(), rawMessage()];
      await harness.publish([first, second]);
      const scenario = await openConsumer(harness);
      const [one, two] = await scenario.received(2);
      one?.handle.requeue();
      const again = (await scenario.received(3))[2];
      assert.equal(again?.message.messageId, first.messageId);
      assert.equal(again.message.redelivered, true);
      assert.ok(Buffer.from(first.body).equals(again.message.body), "the body was changed");
      again.handle.ack();
      two?.handle.ack();
      await staysQuiet(scenario, 3);
      await leavesBehind(harness, scenario, 0);
    },
  },
  {
    id: "consumer.settle.delivery-count",
    title: "the delivery count of a message is the number of its earlier deliveries",
    requires: ["deliveryCount"],
    async run(harness) {
      await harness.publish([rawMessage()]);
      const scenario = await openConsumer(harness);
      for (let count = 1; count <= 3; count += 1) {
        const deliveries = await scenario.received(count);
        deliveries.at(-1)?.handle.requeue();
      }
      const counts = (await scenario.received(4)).map(({ message }) => message.deliveryCount);
      assert.deepEqual(counts, [0, 1, 2, 3]);
    },
  },
  {
    id: "consumer.settle.dead-letter",
    title: "a dead-lettered message is kept where dead letters go and not delivered again",
    guarantee: "G2",
    requires: ["deadLetters"],
    async run(harness) {
      const messages = rawMessages(6);
      await harness.publish(messages);
      const scenario = await openConsumer(harness);
      const deliveries = await scenario.received(6);
      for (const [index, { handle }] of deliveries.entries()) {
        if (index % 2 === 0) handle.deadLetter();
        else handle.ack();
      }
      const dead = messageIdsOf(messages.filter((_, index) => index % 2 === 0));
      await eventually(async () => assert.deepEqual((await deadLetters(harness)).sort(), [...dead].sort()));
      await staysQuiet(scenario, 6);
      await leavesBehind(harness, scenario, 0);
    },
  },
  {
    id: "consumer.settle.first-decides",
    title: "the first call on a handle decides, later ones do nothing and harm no other message",
    guarantee: "G2",
    async run(harness) {
      const messages = rawMessages(4);
      await harness.publish(messages);
      const scenario = await openConsumer(harness);
      const [acked, requeued, twice, held] = await scenario.received(4);
      assert.ok(acked && requeued && twice && held);
      acked.handle.ack();
      acked.handle.requeue();
      requeued.handle.requeue();
      requeued.handle.ack();
      twice.handle.ack();
      twice.handle.ack();
      const again = (await scenario.received(5))[4];
      assert.equal(again?.message.messageId, requeued.message.messageId);
      requeued.handle.ack();
      await staysQuiet(scenario, 5);
      assert.equal(held.handle.lost.aborted, false, "a repeated call cost the channel");
      held.handle.ack();
      await leavesBehind(harness, scenario, 1);
    },
  },
  {
    id: "consumer.settle.first-decides-dead-letter",
    title: "a dead letter cannot be taken back, and nothing else becomes one afterwards",
    guarantee: "G2",
    requires: ["deadLetters"],
    async run(harness) {
      const messages = rawMessages(2);
      await harness.publish(messages);
      const scenario = await openConsumer(harness);
      const [dead, acked] = await scenario.received(2);
      assert.ok(dead && acked);
      dead.handle.deadLetter();
      dead.handle.requeue();
      acked.handle.ack();
      acked.handle.deadLetter();
      await leavesBehind(harness, scenario, 0);
      await eventually(async () => assert.deepEqual(await deadLetters(harness), [messages[0]?.messageId]));
    },
  },
  {
    id: "consumer.settle.hundreds",
    title: "of 800 messages settled in random order each is acked or requeued exactly as it was said",
    guarantee: "G2",
    async run(harness) {
      const messages = rawMessages(800);
      const order = shuffler(1);
      let inHand: Delivery[] = [];
      let left = messages.length;
      const scenario = await openConsumer(harness, { prefetch: 100, onDelivery: (delivery) => inHand.push(delivery) });
      await harness.publish(messages);
      const requeued = new Set<string | null>();
      while (left > 0) {
        await scenario.received(messages.length - left + requeued.size + 1);
        const batch = order(inHand);
        inHand = batch.splice(Math.ceil(batch.length / 2));
        for (const { message, handle } of batch) {
          // Some of them twice over: first back to the queue, then acked.
          if (order([0, 1, 2, 3, 4])[0] === 0 && !requeued.has(message.messageId)) {
            requeued.add(message.messageId);
            handle.requeue();
          } else {
            left -= 1;
            handle.ack();
          }
        }
      }
      assert.equal(scenario.deliveries.length, messages.length + requeued.size, "deliveries");
      assert.deepEqual(new Set(deliveredIds(scenario.deliveries)), new Set(messageIdsOf(messages)));
      await leavesBehind(harness, scenario, 0);
    },
  },
  {
    id: "consumer.settle.last-ones-kept",
    title: "acking many messages never acks an earlier one that is still in hand",
    guarantee: "G2",
    async run(harness) {
      const messages = rawMessages(200);
      await harness.publish(messages);
      const scenario = await openConsumer(harness, { prefetch: 200 });
      const deliveries = await scenario.received(200);
      for (const { handle } of deliveries.slice(3)) handle.ack();
      await staysQuiet(scenario, 200);
      await leavesBehind(harness, scenario, 3);
      const next = await openConsumer(harness);
      assert.deepEqual(deliveredIds(await next.received(3)).sort(), messageIdsOf(messages.slice(0, 3)).sort());
    },
  },
  {
    id: "consumer.settle.after-stop",
    title: "settling after the consumer has stopped neither throws nor changes anything",
    guarantee: "G2",
    async run(harness) {
      await harness.publish(rawMessages(2));
      const scenario = await openConsumer(harness);
      const [one, two] = await scenario.received(2);
      await scenario.consumer.stop({ timeoutMs: 0 });
      one?.handle.ack();
      two?.handle.requeue();
      await staysReady(harness, 2);
    },
  },
];

function deadLetters(harness: ConsumerHarness): Promise<(string | null)[]> {
  assert.ok(harness.deadLettered, "the harness declares deadLetters and has no deadLettered");
  return harness.deadLettered().then((ids) => [...ids]);
}

/** Shuffles lists, the same way in every run. */
function shuffler(seed: number): <Item>(items: readonly Item[]) => Item[] {
  let state = seed;
  const below = (end: number) => {
    // Numerical Recipes' generator: good enough to mix an order.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * end);
  };
  return (items) => {
    const shuffled = [...items];
    for (let last = shuffled.length - 1; last > 0; last -= 1) {
      const other = below(last + 1);
      const [a, b] = [shuffled[last], shuffled[other]];
      if (a !== undefined && b !== undefined) [shuffled[last], shuffled[other]] = [b, a];
    }
    return shuffled;
  };
}
