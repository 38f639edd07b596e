import assert from "node:assert/strict";
import { limits } from "@omni-box/core";
import type { PublisherCase } from "./publisher-case.js";
import { idsOf, openPublisher } from "./publisher-scenario.js";
import { sampleMessage, sampleMessages } from "./sample-message.js";

/** What arrives, and in which order. */
export const publishingCases: readonly PublisherCase[] = [
  {
    id: "publisher.publish.confirmed",
    title: "a message whose publish has resolved is at the broker, even if the publisher stops at once",
    guarantee: "G2",
    async run(harness) {
      const { publisher, topic, publish } = await openPublisher(harness);
      const message = sampleMessage(topic);
      await publish(message);
      await publisher.stop({ timeoutMs: 1_000 });
      assert.deepEqual(idsOf(await harness.receive(topic, 1)), [message.id]);
    },
  },
  {
    id: "publisher.publish.waits-for-confirm",
    title: "a publish does not resolve before the broker's confirm",
    guarantee: "G2",
    requires: ["heldConfirms"],
    async run(harness) {
      const { topic, publish } = await openPublisher(harness);
      await harness.holdConfirms?.();
      const messages = [sampleMessage(topic), sampleMessage(topic, { partitionKey: "order-2" })];
      let settled = 0;
      const publishing = messages.map((message) =>
        publish(message).finally(() => {
          settled += 1;
        }),
      );
      const settling = Promise.all(publishing);
      // With one message in flight per key the second key's is on its way too.
      await Promise.race([harness.receive(topic, messages.length), settling]);
      assert.equal(settled, 0, "a publish settled while the confirms were held back");
      await harness.releaseConfirms?.();
      await settling;
    },
  },
  {
    id: "publisher.publish.properties",
    title: "id, type, content type, correlation id, time, headers and every byte of the body arrive",
    async run(harness) {
      const { topic, publish } = await openPublisher(harness);
      const message = sampleMessage(topic, {
        type: "order.paid",
        contentType: "application/octet-stream",
        body: Uint8Array.from({ length: 512 }, (_, index) => index % 256),
        headers: { traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", tenant: "Nörd 漢字 🧾" },
        correlationId: "correlation-1",
        timestamp: new Date("2026-02-03T04:05:06.000Z"),
      });
      await publish(message);
      const [received] = await harness.receive(topic, 1);
      assert.ok(received);
      const { body, headers, partitionKey: _internal, ...plain } = message;
      for (const [field, value] of Object.entries(plain)) {
        assert.deepEqual(Reflect.get(received, field), value, `${field} was changed`);
      }
      assert.ok(Buffer.from(body).equals(received.body), "the body was changed");
      for (const [name, value] of Object.entries(headers)) assert.equal(received.headers[name], value);
    },
  },
  {
    id: "publisher.publish.empty",
    title: "an empty body and a missing correlation id stay so",
    async run(harness) {
      const { topic, publish } = await openPublisher(harness);
      await publish(sampleMessage(topic, { body: new Uint8Array(0) }));
      const [received] = await harness.receive(topic, 1);
      assert.equal(received?.body.byteLength, 0);
      assert.equal(received.correlationId, null);
    },
  },
  {
    id: "publisher.publish.large",
    title: "the largest default payload with the most headers arrives whole",
    async run(harness) {
      const { topic, publish } = await openPublisher(harness);
      const body = Buffer.alloc(limits.payloadMaxBytes + 1_024, "omni-box ");
      const names = Array.from({ length: limits.headersMaxCount }, (_, index) => `header-${index}`);
      const headers = Object.fromEntries(names.map((name) => [name, "ü".repeat(limits.headerValueMaxLength / 4)]));
      await publish(sampleMessage(topic, { body, headers }));
      const [received] = await harness.receive(topic, 1);
      assert.ok(received && body.equals(received.body), "the body was changed");
      for (const [name, value] of Object.entries(headers)) assert.equal(received.headers[name], value);
    },
  },
  {
    id: "publisher.publish.key-order",
    title: "messages of one key arrive in the order of the calls, however many keys are published at once",
    guarantee: "G4",
    async run(harness) {
      const { topic, publish } = await openPublisher(harness);
      const messages = sampleMessages(topic, 500);
      await Promise.all(messages.map((message) => publish(message)));
      const received = await harness.receive(topic, messages.length);
      assert.equal(received.length, messages.length, "messages were repeated");
      const keyOf = new Map(messages.map(({ id, partitionKey }) => [id, partitionKey]));
      for (const key of new Set(keyOf.values())) {
        const ofKey = (ids: readonly string[]) => ids.filter((id) => keyOf.get(id) === key);
        assert.deepEqual(ofKey(idsOf(received)), ofKey(idsOf(messages)), `the order of key ${key} was changed`);
      }
    },
  },
  {
    id: "publisher.publish.mixed-sizes-order",
    title: "a small message does not overtake a large one of its key",
    guarantee: "G4",
    async run(harness) {
      const { topic, publish } = await openPublisher(harness);
      const messages = Array.from({ length: 20 }, (_, index) =>
        sampleMessage(topic, { body: Buffer.alloc(index % 2 === 0 ? 200_000 : 10, "x") }),
      );
      await Promise.all(messages.map((message) => publish(message)));
      assert.deepEqual(idsOf(await harness.receive(topic, messages.length)), idsOf(messages));
    },
  },
  {
    id: "publisher.publish.repeated",
    title: "a message published twice arrives twice: leaving out repetitions is the consumer's part",
    async run(harness) {
      const { topic, publish } = await openPublisher(harness);
      const message = sampleMessage(topic);
      await publish(message);
      await publish(message);
      assert.deepEqual(idsOf(await harness.receive(topic, 2)), [message.id, message.id]);
    },
  },
  {
    id: "publisher.publish.topics-apart",
    title: "a message arrives at its own topic only",
    async run(harness) {
      const { topic, publish, receivedBeforeNow } = await openPublisher(harness);
      const other = await harness.createTopic();
      const message = sampleMessage(other);
      await publish(message);
      assert.deepEqual(idsOf(await harness.receive(other, 1)), [message.id]);
      assert.deepEqual(await receivedBeforeNow(), []);
      assert.ok(topic !== other);
    },
  },
];
