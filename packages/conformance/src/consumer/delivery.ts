import assert from "node:assert/strict";
import { limits } from "@omni-box/core";
import type { ConsumerCase } from "./consumer-case.js";
import { deliveredIds, openConsumer } from "./consumer-scenario.js";
import { messageIdsOf, rawMessage, rawMessages } from "./raw-message.js";

/** What is delivered, and in which order. */
export const deliveryCases: readonly ConsumerCase[] = [
  {
    id: "consumer.delivery.all-fields",
    title: "every field and every byte of the body is delivered, with the queue as source and as a first delivery",
    async run(harness, features) {
      const sent = rawMessage({
        messageId: "producer/4711",
        topic: "orders.eu.paid",
        type: "order.paid",
        contentType: "application/octet-stream",
        contentEncoding: "identity",
        correlationId: "correlation-1",
        headers: { traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", tenant: "Nörd 漢字 🧾" },
        timestamp: new Date("2026-02-03T04:05:06.000Z"),
        body: Uint8Array.from({ length: 512 }, (_, index) => index % 256),
      });
      const scenario = await openConsumer(harness);
      await harness.publish([sent]);
      const [delivery] = await scenario.received(1);
      assert.ok(delivery);
      const { message } = delivery;
      const { body, headers, ...plain } = sent;
      const expected = {
        ...plain,
        source: harness.source,
        redelivered: false,
        deliveryCount: features.includes("deliveryCount") ? 0 : null,
      };
      for (const [field, value] of Object.entries(expected)) {
        assert.deepEqual(Reflect.get(message, field), value, `${field} was changed`);
      }
      assert.ok(Buffer.from(body).equals(message.body), "the body was changed");
      for (const [name, value] of Object.entries(headers)) assert.equal(message.headers[name], value);
    },
  },
  {
    id: "consumer.delivery.nulls",
    title: "what the sender left out is null, and an empty body is empty",
    async run(harness) {
      const left = { messageId: null, type: null, contentType: null, contentEncoding: null, correlationId: null };
      const scenario = await openConsumer(harness);
      await harness.publish([rawMessage({ ...left, timestamp: null, body: new Uint8Array(0) })]);
      const [delivery] = await scenario.received(1);
      assert.ok(delivery);
      for (const field of [...Object.keys(left), "timestamp"]) {
        assert.equal(Reflect.get(delivery.message, field), null, field);
      }
      assert.equal(delivery.message.body.byteLength, 0);
    },
  },
  {
    id: "consumer.delivery.property-names",
    title: "header names that mean something to JavaScript are ordinary names",
    guarantee: "G9",
    async run(harness) {
      const headers = { constructor: "a", toString: "b", hasOwnProperty: "c", length: "d" };
      const scenario = await openConsumer(harness);
      await harness.publish([rawMessage({ headers })]);
      const [delivery] = await scenario.received(1);
      assert.ok(delivery);
      for (const [name, value] of Object.entries(headers)) {
        assert.equal(Object.getOwnPropertyDescriptor(delivery.message.headers, name)?.value, value, name);
      }
    },
  },
  {
    id: "consumer.delivery.typed-headers",
    title: "header values that are no text arrive as their text where they have one, else they are left out",
    guarantee: "G9",
    requires: ["typedHeaders"],
    async run(harness) {
      const date = new Date("2026-02-03T04:05:06.000Z");
      const headers = {
        text: "plain",
        whole: 42,
        negative: -7,
        fraction: 1.5,
        yes: true,
        no: false,
        date,
        list: ["a", 1],
      };
      const scenario = await openConsumer(harness);
      await harness.publish([rawMessage({ headers })]);
      const [delivery] = await scenario.received(1);
      assert.ok(delivery);
      const { date: dateText, ...others } = Object.fromEntries(
        Object.keys(headers).map((name) => [name, delivery.message.headers[name]]),
      );
      const texts = { text: "plain", whole: "42", negative: "-7", fraction: "1.5", yes: "true", no: "false" };
      assert.deepEqual(others, { ...texts, list: undefined });
      assert.equal(new Date(dateText ?? "missing").getTime(), date.getTime(), `the date arrived as ${dateText}`);
    },
  },
  {
    id: "consumer.delivery.large",
    title: "a body of the largest default payload arrives whole",
    async run(harness) {
      const body = Buffer.alloc(limits.payloadMaxBytes + 1_024, "omni-box ");
      const scenario = await openConsumer(harness);
      await harness.publish([rawMessage({ body })]);
      const [delivery] = await scenario.received(1);
      assert.ok(delivery && body.equals(delivery.message.body), "the body was changed");
    },
  },
  {
    id: "consumer.delivery.order",
    title: "messages are delivered once each, in the order of the queue, whether they came before or after the start",
    guarantee: "G4",
    async run(harness) {
      const messages = rawMessages(120);
      await harness.publish(messages.slice(0, 60));
      const scenario = await openConsumer(harness, { prefetch: 25, onDelivery: ({ handle }) => handle.ack() });
      await harness.publish(messages.slice(60));
      const deliveries = await scenario.received(messages.length);
      assert.deepEqual(deliveredIds(deliveries), messageIdsOf(messages));
      assert.ok(
        deliveries.every(({ message }) => !message.redelivered),
        "a first delivery is called a redelivery",
      );
    },
  },
];
