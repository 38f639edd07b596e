import assert from "node:assert/strict";
import { allowanceMs, outcomeOf, rejectsWith, settlesWithin } from "../settlement.js";
import type { PublisherCase } from "./publisher-case.js";
import { idsOf, openPublisher } from "./publisher-scenario.js";
import { sampleMessage } from "./sample-message.js";

/** That `mayWrite` decides at the moment of writing. */
export const permissionCases: readonly PublisherCase[] = [
  {
    id: "publisher.permission.denied",
    title: "a message whose mayWrite says no is rejected with BROKER.NOT_PERMITTED and not sent",
    guarantee: "G5",
    async run(harness) {
      const { topic, publish, receivedBeforeNow } = await openPublisher(harness);
      await rejectsWith(
        publish(sampleMessage(topic), { mayWrite: () => false }),
        ["BROKER.NOT_PERMITTED"],
        allowanceMs,
      );
      assert.deepEqual(await receivedBeforeNow(), []);
    },
  },
  {
    id: "publisher.permission.per-message",
    title: "one message's denial holds for it alone",
    guarantee: "G5",
    async run(harness) {
      const { topic, publish, receivedBeforeNow } = await openPublisher(harness);
      const messages = [sampleMessage(topic), sampleMessage(topic), sampleMessage(topic)];
      const results = await Promise.allSettled(
        messages.map((message, index) => publish(message, { mayWrite: () => index !== 1 })),
      );
      assert.deepEqual(
        results.map(({ status }) => status),
        ["fulfilled", "rejected", "fulfilled"],
      );
      const [first, , third] = idsOf(messages);
      assert.deepEqual(idsOf(await receivedBeforeNow()), [first, third]);
    },
  },
  {
    id: "publisher.permission.asked-at-write",
    title: "a message that had to wait is not written when the permission has ended meanwhile",
    guarantee: "G5",
    requires: ["flowControl"],
    async run(harness) {
      const { topic, publish, receivedBeforeNow } = await openPublisher(harness);
      await publish(sampleMessage(topic));
      await harness.block?.();
      let permitted = true;
      const outcome = outcomeOf(publish(sampleMessage(topic), { timeoutMs: 60_000, mayWrite: () => permitted }));
      permitted = false;
      await harness.unblock?.();
      assert.equal(await settlesWithin(outcome, allowanceMs, "a publish"), "BROKER.NOT_PERMITTED");
      assert.equal((await receivedBeforeNow()).length, 1);
    },
  },
];
