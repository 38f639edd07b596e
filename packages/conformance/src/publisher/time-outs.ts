import assert from "node:assert/strict";
import { allowanceMs, outcomeOf, rejectsWith, settlesWithin } from "../settlement.js";
import type { PublisherCase } from "./publisher-case.js";
import { idsOf, openPublisher } from "./publisher-scenario.js";
import { sampleMessage } from "./sample-message.js";

/** That every publish settles in time, whatever the broker does. */
export const timeOutCases: readonly PublisherCase[] = [
  {
    id: "publisher.time-outs.no-confirm",
    title: "without a confirm in time a publish is rejected with BROKER.PUBLISH_TIMEOUT, and later ones work",
    guarantee: "G7",
    requires: ["heldConfirms"],
    async run(harness) {
      const { topic, publish, receivedBeforeNow } = await openPublisher(harness);
      await harness.holdConfirms?.();
      const message = sampleMessage(topic);
      await rejectsWith(publish(message, { timeoutMs: 300 }), ["BROKER.PUBLISH_TIMEOUT"], 300 + allowanceMs);
      await harness.releaseConfirms?.();
      assert.ok((await receivedBeforeNow()).every(({ id }) => id === message.id));
    },
  },
  {
    id: "publisher.time-outs.blocked",
    title: "what flow control holds back until the time-out is rejected with BROKER.BLOCKED and never sent",
    guarantee: "G6",
    requires: ["flowControl"],
    async run(harness) {
      const { publisher, topic, publish, receivedBeforeNow } = await openPublisher(harness);
      const before = sampleMessage(topic);
      await publish(before);
      await harness.block?.();
      await rejectsWith(publish(sampleMessage(topic), { timeoutMs: 300 }), ["BROKER.BLOCKED"], 300 + allowanceMs);
      assert.notEqual(publisher.health().status, "healthy");
      await harness.unblock?.();
      assert.deepEqual(idsOf(await receivedBeforeNow()), [before.id]);
    },
  },
  {
    id: "publisher.time-outs.unblocked",
    title: "what flow control held back is published in order when it ends in time",
    guarantee: "G6",
    requires: ["flowControl"],
    async run(harness) {
      const { topic, publish } = await openPublisher(harness);
      const before = sampleMessage(topic);
      await publish(before);
      await harness.block?.();
      const waiting = Array.from({ length: 20 }, () => sampleMessage(topic));
      const outcomes = Promise.all(waiting.map((message) => outcomeOf(publish(message, { timeoutMs: 60_000 }))));
      await harness.unblock?.();
      const after = sampleMessage(topic);
      await publish(after);
      assert.deepEqual(new Set(await settlesWithin(outcomes, allowanceMs, "a publish")), new Set(["resolved"]));
      const expected = idsOf([before, ...waiting, after]);
      assert.deepEqual(idsOf(await harness.receive(topic, expected.length)), expected);
    },
  },
];
