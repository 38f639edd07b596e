import assert from "node:assert/strict";
import { setImmediate as nextTurn } from "node:timers/promises";
import { allowanceMs, eventually, settlesWithin } from "../settlement.js";
import type { ConsumerCase } from "./consumer-case.js";
import {
  becomesHealthy,
  createScenario,
  type Delivery,
  deliveredIds,
  leavesBehind,
  openConsumer,
  staysQuiet,
  staysReady,
} from "./consumer-scenario.js";
import { messageIdsOf, rawMessages } from "./raw-message.js";

const requires = ["connectionLoss"] as const;

/** A broker that goes away and comes back. */
export const outageCases: readonly ConsumerCase[] = [
  {
    id: "consumer.outages.handles-lost",
    title: "with its channel a handle is lost: settling does nothing, and the message comes again by itself",
    guarantee: "G2",
    requires,
    async run(harness) {
      const messages = rawMessages(5);
      await harness.publish(messages);
      const scenario = await openConsumer(harness);
      const before = await scenario.received(5);
      await harness.cutConnection?.();
      await losesAll(before);
      for (const { handle } of before) handle.ack();
      await harness.restoreConnection?.();
      const again = (await scenario.received(10)).slice(5);
      assert.deepEqual(deliveredIds(again).sort(), messageIdsOf(messages).sort());
      for (const { message, handle } of again) {
        assert.equal(message.redelivered, true);
        assert.equal(handle.lost.aborted, false);
      }
      assert.equal(scenario.consumer.health().unsettled, 5, "messages of the lost channel count as in hand");
      for (const { handle } of again) handle.ack();
      await leavesBehind(harness, scenario, 0);
    },
  },
  {
    id: "consumer.outages.stale-handles",
    title: "handles of a lost channel settle nothing on the new one",
    guarantee: "G2",
    requires,
    async run(harness, features) {
      await harness.publish(rawMessages(6));
      const scenario = await openConsumer(harness);
      const stale = await scenario.received(6);
      await harness.cutConnection?.();
      await losesAll(stale);
      await harness.restoreConnection?.();
      const fresh = (await scenario.received(12)).slice(6);
      for (const [index, { handle }] of stale.entries()) {
        if (index % 3 === 0) handle.ack();
        else if (index % 3 === 1) handle.requeue();
        else if (features.includes("deadLetters")) handle.deadLetter();
      }
      await staysQuiet(scenario, 12);
      for (const { handle } of fresh) assert.equal(handle.lost.aborted, false, "a stale handle cost the channel");
      await leavesBehind(harness, scenario, 6);
      if (features.includes("deadLetters")) assert.deepEqual(await harness.deadLettered?.(), []);
    },
  },
  {
    id: "consumer.outages.cut-while-acking",
    title:
      "when the connection is cut in the middle of hundreds of acks every message is delivered, and in the end none is left",
    guarantee: "G2",
    requires,
    async run(harness) {
      const messages = rawMessages(600);
      await harness.publish(messages);
      const acked = new Set<string | null>();
      const scenario = await openConsumer(harness, {
        prefetch: 60,
        onDelivery({ message, handle }) {
          // Settled a turn later, some out of order, so that acks are on their way when the connection is cut.
          void nextTurn().then(() => {
            if (!handle.lost.aborted) acked.add(message.messageId);
            handle.ack();
          });
        },
      });
      await scenario.received(200);
      await harness.cutConnection?.();
      await harness.restoreConnection?.();
      await eventually(() => assert.equal(acked.size, messages.length, "messages acked"));
      assert.deepEqual(acked, new Set(messageIdsOf(messages)));
      // Those whose acks the cut swallowed come again; all others came once.
      await eventually(async () => {
        assert.equal(await harness.countReady(), 0, "messages in the queue");
        assert.equal(scenario.consumer.health().unsettled, 0, "messages in hand");
      });
      const repeated = scenario.deliveries.filter(({ message }) => message.redelivered);
      assert.ok(scenario.deliveries.length - repeated.length <= messages.length, "repetitions that are not marked");
      await leavesBehind(harness, scenario, 0);
    },
  },
  {
    id: "consumer.outages.recovers",
    title: "after each outage the consumer gets messages again by itself, and its health says so",
    guarantee: "G6",
    requires,
    async run(harness) {
      const scenario = await openConsumer(harness, { onDelivery: ({ handle }) => handle.ack() });
      for (let outage = 1; outage <= 3; outage += 1) {
        await harness.cutConnection?.();
        await eventually(() => {
          assert.notEqual(scenario.consumer.health().status, "healthy", "healthy without a connection");
        });
        assert.ok(scenario.consumer.health().reasons.length > 0, "no reason is given");
        await harness.publish(rawMessages(2));
        await harness.restoreConnection?.();
        await scenario.received(outage * 2);
        await becomesHealthy(scenario.consumer);
        assert.deepEqual(scenario.consumer.health().reasons, []);
      }
      assert.equal(scenario.deliveries.length, 6);
      await leavesBehind(harness, scenario, 0);
    },
  },
  {
    id: "consumer.outages.prefetch-after",
    title: "the prefetch holds after a recovery as before",
    guarantee: "G8",
    requires,
    async run(harness) {
      await harness.publish(rawMessages(20));
      const scenario = await openConsumer(harness, { prefetch: 5 });
      await losesAllOf(await scenario.received(5), () => harness.cutConnection?.());
      await harness.restoreConnection?.();
      await scenario.received(10);
      await staysReady(harness, 15);
      assert.equal(scenario.deliveries.length, 10, "messages in hand");
    },
  },
  {
    id: "consumer.outages.start-while-away",
    title: "start resolves while the broker is away, and messages come once it is there",
    guarantee: "G6",
    requires,
    async run(harness) {
      const messages = rawMessages(3);
      await harness.publish(messages);
      await harness.cutConnection?.();
      const scenario = createScenario(harness, { onDelivery: ({ handle }) => handle.ack() });
      await settlesWithin(scenario.start(), 15_000, "start");
      assert.notEqual(scenario.consumer.health().status, "healthy");
      await harness.restoreConnection?.();
      assert.deepEqual(deliveredIds(await scenario.received(3)), messageIdsOf(messages));
      await becomesHealthy(scenario.consumer);
    },
  },
  {
    id: "consumer.outages.stop-while-away",
    title: "a consumer can be stopped while the broker is away, and stays stopped when that comes back",
    guarantee: "G2",
    requires,
    async run(harness) {
      await harness.publish(rawMessages(3));
      const scenario = await openConsumer(harness);
      await scenario.received(3);
      await harness.cutConnection?.();
      await settlesWithin(scenario.consumer.stop({ timeoutMs: 500 }), 500 + allowanceMs, "stop");
      await harness.restoreConnection?.();
      await staysQuiet(scenario, 3);
      await staysReady(harness, 3);
    },
  },
  {
    id: "consumer.outages.pause-while-away",
    title: "a consumer that was paused while the broker was away gets nothing when that comes back",
    guarantee: "G2",
    requires,
    async run(harness) {
      const scenario = await openConsumer(harness);
      await harness.cutConnection?.();
      await settlesWithin(scenario.consumer.pause(), allowanceMs, "pause");
      await harness.publish(rawMessages(3));
      await harness.restoreConnection?.();
      // Another consumer shows that the broker is there again.
      const other = await openConsumer(harness);
      await other.received(3);
      await leavesBehind(harness, other, 3);
      assert.deepEqual(scenario.deliveries, []);
    },
  },
];

async function losesAllOf(deliveries: readonly Delivery[], lose: () => Promise<void> | undefined): Promise<void> {
  await lose();
  await losesAll(deliveries);
}

/** Waits until the consumer has learned that the channel of these messages is gone. */
function losesAll(deliveries: readonly Delivery[]): Promise<void> {
  return eventually(() => {
    for (const { handle } of deliveries) assert.equal(handle.lost.aborted, true, "the handle is not lost");
  });
}
