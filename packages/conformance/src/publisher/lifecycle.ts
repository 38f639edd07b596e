import assert from "node:assert/strict";
import { setImmediate as nextTurn } from "node:timers/promises";
import { allowanceMs, outcomeOf, rejectsWith, settlesWithin } from "../settlement.js";
import type { PublisherCase } from "./publisher-case.js";
import { idsOf, openPublisher, publishWith, receivedUpToMarker } from "./publisher-scenario.js";
import { sampleMessage, sampleMessages } from "./sample-message.js";

/** Starting and stopping, also in the middle of work. */
export const lifecycleCases: readonly PublisherCase[] = [
  {
    id: "publisher.lifecycle.not-started",
    title: "a publish before start is rejected with BROKER.STOPPED and not sent",
    async run(harness) {
      const topic = await harness.createTopic();
      const publisher = harness.createPublisher();
      await rejectsWith(publishWith(publisher, sampleMessage(topic)), ["BROKER.STOPPED"], allowanceMs);
      assert.notEqual(publisher.health().status, "healthy");
      await publisher.start();
      assert.deepEqual(await receivedUpToMarker(harness, publisher, topic), []);
    },
  },
  {
    id: "publisher.lifecycle.stopped",
    title: "a publish after stop is rejected with BROKER.STOPPED and not sent",
    async run(harness) {
      const { publisher, topic, publish } = await openPublisher(harness);
      await publish(sampleMessage(topic));
      await publisher.stop({ timeoutMs: 1_000 });
      await rejectsWith(publish(sampleMessage(topic)), ["BROKER.STOPPED"], allowanceMs);
      assert.notEqual(publisher.health().status, "healthy");
      const another = harness.createPublisher();
      await another.start();
      assert.equal((await receivedUpToMarker(harness, another, topic)).length, 1);
    },
  },
  {
    id: "publisher.lifecycle.idempotent",
    title: "start and stop may be called again, and at the same time",
    async run(harness) {
      const topic = await harness.createTopic();
      const publisher = harness.createPublisher();
      await Promise.all([publisher.start(), publisher.start()]);
      await publisher.start();
      assert.deepEqual(await receivedUpToMarker(harness, publisher, topic), []);
      await Promise.all([publisher.stop({ timeoutMs: 1_000 }), publisher.stop({ timeoutMs: 1_000 })]);
      await publisher.stop({ timeoutMs: 1_000 });
      assert.equal((await harness.receive(topic, 1)).length, 1);
    },
  },
  {
    id: "publisher.lifecycle.stop-unstarted",
    title: "a publisher that was never started can be stopped",
    async run(harness) {
      const stopping = harness.createPublisher().stop({ timeoutMs: 1_000 });
      await settlesWithin(stopping, 1_000 + allowanceMs, "stop");
    },
  },
  {
    id: "publisher.lifecycle.stop-drains",
    title: "stop waits for the confirms of what was published before it",
    guarantee: "G2",
    async run(harness) {
      const { publisher, topic, publish } = await openPublisher(harness);
      const messages = sampleMessages(topic, 200);
      const publishing = Promise.all(messages.map((message) => outcomeOf(publish(message))));
      await publisher.stop({ timeoutMs: 10_000 });
      assert.deepEqual(new Set(await publishing), new Set(["resolved"]));
      assert.deepEqual(idsOf(await harness.receive(topic, messages.length)).sort(), idsOf(messages).sort());
    },
  },
  {
    id: "publisher.lifecycle.stop-while-publishing",
    title: "with publishers busy until and beyond stop every publish settles, and what resolved is at the broker",
    guarantee: "G2",
    async run(harness) {
      const { publisher, topic, publish } = await openPublisher(harness);
      const resolved: string[] = [];
      let over = false;
      const publishUntilRejected = async (partitionKey: string) => {
        for (;;) {
          // The last publish comes after the end of `stop`.
          const last = over;
          const message = sampleMessage(topic, { partitionKey });
          const outcome = await outcomeOf(publish(message));
          if (outcome !== "resolved") return outcome;
          resolved.push(message.id);
          if (last) return "a publish resolved after stop";
          // A publisher that resolves without a broker must not keep the case from ever ending.
          await nextTurn();
        }
      };
      const busy = Promise.all(Array.from({ length: 10 }, (_, index) => publishUntilRejected(`order-${index}`)));
      try {
        await harness.receive(topic, 50);
        await settlesWithin(publisher.stop({ timeoutMs: 5_000 }), 5_000 + allowanceMs, "stop");
      } finally {
        over = true;
      }
      assert.deepEqual(new Set(await settlesWithin(busy, 15_000, "a publish")), new Set(["BROKER.STOPPED"]));
      const received = new Set(idsOf(await harness.receive(topic, resolved.length)));
      assert.deepEqual(
        resolved.filter((id) => !received.has(id)),
        [],
        "confirmed messages are not at the broker",
      );
    },
  },
  {
    id: "publisher.lifecycle.stop-time-out",
    title: "stop gives up after its time-out and rejects what is unconfirmed with BROKER.CONNECTION_LOST",
    guarantee: "G7",
    requires: ["heldConfirms"],
    async run(harness) {
      const { publisher, topic, publish } = await openPublisher(harness);
      await harness.holdConfirms?.();
      const outcome = outcomeOf(publish(sampleMessage(topic)));
      await Promise.race([harness.receive(topic, 1), outcome]);
      await settlesWithin(publisher.stop({ timeoutMs: 200 }), 200 + allowanceMs, "stop");
      assert.equal(await settlesWithin(outcome, allowanceMs, "a publish"), "BROKER.CONNECTION_LOST");
      await harness.releaseConfirms?.();
    },
  },
  {
    id: "publisher.lifecycle.unconfirmed",
    title: "health counts what is written and not confirmed",
    requires: ["heldConfirms"],
    async run(harness) {
      const { publisher, topic, publish } = await openPublisher(harness);
      assert.equal(publisher.health().unconfirmed, 0);
      await harness.holdConfirms?.();
      const publishing = [sampleMessage(topic), sampleMessage(topic, { partitionKey: "order-2" })].map((message) =>
        publish(message),
      );
      await Promise.race([harness.receive(topic, 2), ...publishing]);
      assert.equal(publisher.health().unconfirmed, 2);
      await harness.releaseConfirms?.();
      await Promise.all(publishing);
      assert.equal(publisher.health().unconfirmed, 0);
    },
  },
];
