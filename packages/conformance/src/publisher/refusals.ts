import assert from "node:assert/strict";
import { allowanceMs, outcomeOf, rejectsWith } from "../settlement.js";
import type { PublisherCase } from "./publisher-case.js";
import { idsOf, openPublisher } from "./publisher-scenario.js";
import { sampleMessage, sampleMessages } from "./sample-message.js";

/** Messages that the broker does not take. */
export const refusalCases: readonly PublisherCase[] = [
  {
    id: "publisher.refusals.unroutable",
    title: "a message that no queue wants is rejected with BROKER.UNROUTABLE",
    guarantee: "G7",
    requires: ["unroutable"],
    async run(harness) {
      const { publish } = await openPublisher(harness);
      await rejectsWith(publish(sampleMessage(unroutableTopicOf(harness))), ["BROKER.UNROUTABLE"], allowanceMs);
    },
  },
  {
    id: "publisher.refusals.unroutable-among-others",
    title: "among many messages exactly the unroutable ones are rejected",
    guarantee: "G7",
    requires: ["unroutable"],
    async run(harness) {
      const { topic, publish } = await openPublisher(harness);
      const nowhere = unroutableTopicOf(harness);
      const messages = sampleMessages(topic, 90).map((message, index) =>
        index % 3 === 1 ? { ...message, topic: nowhere } : message,
      );
      const outcomes = await Promise.all(messages.map((message) => outcomeOf(publish(message))));
      const expected = messages.map((message) => (message.topic === nowhere ? "BROKER.UNROUTABLE" : "resolved"));
      assert.deepEqual(outcomes, expected);
      const routed = messages.filter((message) => message.topic === topic);
      const received = await harness.receive(topic, routed.length);
      assert.deepEqual(idsOf(received).sort(), idsOf(routed).sort());
    },
  },
  {
    id: "publisher.refusals.nacked",
    title: "a message that the broker refuses is rejected with BROKER.NACKED, and others go through",
    guarantee: "G2",
    requires: ["nack"],
    async run(harness) {
      const { topic, publish } = await openPublisher(harness);
      const refusing = await harness.createRefusingTopic?.();
      assert.ok(refusing !== undefined, "the harness declares nack and has no createRefusingTopic");
      const message = sampleMessage(topic);
      const results = await Promise.all([
        outcomeOf(publish(sampleMessage(refusing))),
        outcomeOf(publish(message)),
        outcomeOf(publish(sampleMessage(refusing))),
      ]);
      assert.deepEqual(results, ["BROKER.NACKED", "resolved", "BROKER.NACKED"]);
      assert.deepEqual(idsOf(await harness.receive(topic, 1)), [message.id]);
    },
  },
  {
    id: "publisher.refusals.unsendable",
    title: "a message that cannot be sent at all is rejected with BROKER.MESSAGE_REFUSED, and the publisher goes on",
    guarantee: "G7",
    requires: ["unsendable"],
    async run(harness) {
      const { topic, publish, receivedBeforeNow } = await openPublisher(harness);
      assert.ok(harness.unsendable, "the harness declares unsendable and has none");
      await rejectsWith(publish(sampleMessage(topic, harness.unsendable)), ["BROKER.MESSAGE_REFUSED"], allowanceMs);
      assert.deepEqual(await receivedBeforeNow(), []);
    },
  },
];

function unroutableTopicOf({ unroutableTopic }: { readonly unroutableTopic?: string }): string {
  assert.ok(unroutableTopic !== undefined, "the harness declares unroutable and has no unroutableTopic");
  return unroutableTopic;
}
