import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { allowanceMs, settlesWithin } from "../settlement.js";
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

const ackAtOnce = { onDelivery: ({ handle }: Delivery) => handle.ack() };

/** Starting, pausing and stopping, also in the middle of work. */
export const lifecycleCases: readonly ConsumerCase[] = [
  {
    id: "consumer.lifecycle.not-started",
    title: "a consumer that was not started takes nothing, is not healthy and can be paused and stopped",
    async run(harness) {
      await harness.publish(rawMessages(2));
      const scenario = createScenario(harness);
      assert.notEqual(scenario.consumer.health().status, "healthy");
      assert.ok(scenario.consumer.health().reasons.length > 0, "no reason is given");
      await staysReady(harness, 2);
      await settlesWithin(scenario.consumer.pause(), allowanceMs, "pause");
      await settlesWithin(scenario.consumer.stop({ timeoutMs: 1_000 }), 1_000 + allowanceMs, "stop");
      assert.deepEqual(scenario.deliveries, []);
    },
  },
  {
    id: "consumer.lifecycle.idempotent",
    title: "start, pause and stop may be called again, and at the same time; messages are delivered once",
    async run(harness) {
      const messages = rawMessages(20);
      await harness.publish(messages.slice(0, 10));
      const scenario = createScenario(harness, ackAtOnce);
      await Promise.all([scenario.start(), scenario.start()]);
      await scenario.start();
      await becomesHealthy(scenario.consumer);
      await harness.publish(messages.slice(10));
      assert.deepEqual(deliveredIds(await scenario.received(20)), messageIdsOf(messages));
      await Promise.all([scenario.consumer.pause(), scenario.consumer.pause()]);
      const stop = () => scenario.consumer.stop({ timeoutMs: 1_000 });
      await Promise.all([stop(), stop()]);
      await stop();
      await staysQuiet(scenario, 20);
      await staysReady(harness, 0);
    },
  },
  {
    id: "consumer.lifecycle.stop-waits",
    title: "stop waits until what is in hand has been settled, takes nothing new, and then no message is left over",
    guarantee: "G2",
    async run(harness) {
      await harness.publish(rawMessages(3));
      const scenario = await openConsumer(harness);
      const deliveries = await scenario.received(3);
      let stopped = false;
      const stopping = scenario.consumer.stop({ timeoutMs: 20_000 }).then(() => {
        stopped = true;
      });
      for (const { handle } of deliveries) {
        await staysQuiet(scenario, 3);
        assert.equal(stopped, false, "stopped with messages in hand");
        assert.equal(handle.lost.aborted, false, "the channel was closed before its messages were settled");
        handle.ack();
      }
      await settlesWithin(stopping, allowanceMs, "stop");
      await staysReady(harness, 0);
      assert.notEqual(scenario.consumer.health().status, "healthy");
      assert.equal(scenario.consumer.health().unsettled, 0);
    },
  },
  {
    id: "consumer.lifecycle.stop-takes-nothing",
    title: "from stop on no new message is taken, however long it waits",
    guarantee: "G2",
    async run(harness) {
      await harness.publish(rawMessages(1));
      const scenario = await openConsumer(harness);
      const [held] = await scenario.received(1);
      const stopping = scenario.consumer.stop({ timeoutMs: 20_000 });
      // Stopping ends the subscription in a moment that has no signal.
      await pause(500);
      await harness.publish(rawMessages(5));
      await staysQuiet(scenario, 1);
      held?.handle.ack();
      await settlesWithin(stopping, allowanceMs, "stop");
      await staysReady(harness, 5);
    },
  },
  {
    id: "consumer.lifecycle.stop-tells-broker",
    title: "what was acked just before stop is acked at the broker when stop has resolved",
    guarantee: "G2",
    async run(harness) {
      await harness.publish(rawMessages(150));
      const scenario = await openConsumer(harness, { prefetch: 150 });
      const deliveries = await scenario.received(150);
      for (const { handle } of deliveries) handle.ack();
      await scenario.consumer.stop({ timeoutMs: 10_000 });
      await staysReady(harness, 0);
    },
  },
  {
    id: "consumer.lifecycle.stop-time-out",
    title: "stop gives up after its time-out; what is unsettled goes back to the queue, and its handles are lost",
    guarantee: "G2",
    async run(harness) {
      await harness.publish(rawMessages(4));
      const scenario = await openConsumer(harness);
      const deliveries = await scenario.received(4);
      deliveries[0]?.handle.ack();
      await settlesWithin(scenario.consumer.stop({ timeoutMs: 300 }), 300 + allowanceMs, "stop");
      await staysReady(harness, 3);
      for (const { handle } of deliveries.slice(1)) {
        assert.equal(handle.lost.aborted, true, "the handle is not lost");
        handle.ack();
      }
      await staysReady(harness, 3);
    },
  },
  {
    id: "consumer.lifecycle.restart",
    title: "after stop the consumer can be started anew, and gets what went back",
    guarantee: "G2",
    async run(harness) {
      const messages = rawMessages(3);
      await harness.publish(messages);
      const scenario = await openConsumer(harness);
      await scenario.received(3);
      for (let times = 1; times <= 3; times += 1) {
        await leavesBehind(harness, scenario, 3);
        await scenario.start();
        await becomesHealthy(scenario.consumer);
        const again = (await scenario.received(3 + 3 * times)).slice(3 * times);
        assert.deepEqual(deliveredIds(again).sort(), messageIdsOf(messages).sort());
      }
      for (const { handle } of scenario.deliveries) handle.ack();
      await leavesBehind(harness, scenario, 0);
      await staysQuiet(scenario, 12);
    },
  },
  {
    id: "consumer.lifecycle.pause",
    title: "after pause no message comes, and those in hand can still be settled",
    guarantee: "G2",
    async run(harness) {
      await harness.publish(rawMessages(4));
      const scenario = await openConsumer(harness);
      const deliveries = await scenario.received(4);
      await settlesWithin(scenario.consumer.pause(), allowanceMs, "pause");
      await harness.publish(rawMessages(6));
      await staysQuiet(scenario, 4);
      for (const { handle } of deliveries) {
        assert.equal(handle.lost.aborted, false, "pausing lost what is in hand");
        handle.ack();
      }
      await staysQuiet(scenario, 4);
      await scenario.consumer.stop({ timeoutMs: 10_000 });
      await staysReady(harness, 6);
    },
  },
  {
    id: "consumer.lifecycle.pause-while-busy",
    title: "in the middle of a stream of messages nothing comes after pause has resolved",
    guarantee: "G2",
    async run(harness) {
      const messages = rawMessages(1_000);
      await harness.publish(messages);
      // Acked a turn later: what acks at once might get all messages in one.
      const onDelivery = ({ handle }: Delivery) => void setImmediate(() => handle.ack());
      const scenario = await openConsumer(harness, { prefetch: 10, onDelivery });
      await scenario.received(50);
      await scenario.consumer.pause();
      const count = scenario.deliveries.length;
      await staysQuiet(scenario, count);
      assert.ok(count < messages.length, "all messages were delivered before the pause");
      await scenario.consumer.stop({ timeoutMs: 10_000 });
      await staysReady(harness, messages.length - count);
    },
  },
  {
    id: "consumer.lifecycle.health",
    title: "health is good while messages come, and counts those in hand",
    async run(harness) {
      const scenario = await openConsumer(harness);
      assert.deepEqual(scenario.consumer.health(), { status: "healthy", reasons: [], unsettled: 0 });
      await harness.publish(rawMessages(3));
      const deliveries = await scenario.received(3);
      assert.equal(scenario.consumer.health().unsettled, 3);
      deliveries[0]?.handle.ack();
      deliveries[1]?.handle.requeue();
      await scenario.received(4);
      assert.equal(scenario.consumer.health().unsettled, 2);
      await leavesBehind(harness, scenario, 2);
      assert.equal(scenario.consumer.health().unsettled, 0);
      assert.notEqual(scenario.consumer.health().status, "healthy");
    },
  },
];
