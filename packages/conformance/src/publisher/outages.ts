import assert from "node:assert/strict";
import { type ErrorCode, errorCodes } from "@omni-box/core";
import { allowanceMs, eventually, outcomeOf, rejectsWith, settlesWithin } from "../settlement.js";
import type { PublisherCase } from "./publisher-case.js";
import { idsOf, openPublisher, receivedUpToMarker } from "./publisher-scenario.js";
import { sampleMessage, sampleMessages } from "./sample-message.js";

/** A broker that goes away and comes back. */
export const outageCases: readonly PublisherCase[] = [
  {
    id: "publisher.outages.unreachable",
    title: "without a connection a publish is rejected with BROKER.UNREACHABLE and never sent",
    guarantee: "G6",
    requires: ["connectionLoss"],
    async run(harness) {
      const { publisher, topic, publish, receivedBeforeNow } = await openPublisher(harness);
      await harness.cutConnection?.();
      // The publisher may learn of the cut a moment later; only then there is no connection.
      await eventually(() => assert.notEqual(publisher.health().status, "healthy"));
      const message = sampleMessage(topic);
      await rejectsWith(publish(message, { timeoutMs: 500 }), ["BROKER.UNREACHABLE"], 500 + allowanceMs);
      await harness.restoreConnection?.();
      assert.deepEqual(await receivedBeforeNow(), []);
    },
  },
  {
    id: "publisher.outages.cut-before-confirm",
    title: "what is unconfirmed when the connection is cut is rejected with BROKER.CONNECTION_LOST at once",
    guarantee: "G6",
    requires: ["connectionLoss", "heldConfirms"],
    async run(harness) {
      const { topic, publish } = await openPublisher(harness);
      await harness.holdConfirms?.();
      const message = sampleMessage(topic);
      const outcome = outcomeOf(publish(message, { timeoutMs: 60_000 }));
      await Promise.race([harness.receive(topic, 1), outcome]);
      await harness.cutConnection?.();
      assert.equal(await settlesWithin(outcome, allowanceMs, "a publish"), "BROKER.CONNECTION_LOST");
      await harness.releaseConfirms?.();
      await harness.restoreConnection?.();
    },
  },
  {
    id: "publisher.outages.cut-while-publishing",
    title: "a cut in the middle of a burst settles every publish: resolved and at the broker, or rejected as transient",
    guarantee: "G2",
    requires: ["connectionLoss"],
    async run(harness) {
      const { topic, publish } = await openPublisher(harness);
      const messages = sampleMessages(topic, 400);
      const publishing = Promise.all(messages.map((message) => outcomeOf(publish(message))));
      await harness.cutConnection?.();
      const outcomes = await settlesWithin(publishing, 15_000, "a publish");
      await harness.restoreConnection?.();
      const refused = outcomes.filter((outcome) => outcome !== "resolved");
      for (const code of new Set(refused)) {
        assert.equal(errorCodes[code as ErrorCode], "transient", `${code} would spend attempts on an outage`);
      }
      const resolved = messages.filter((_, index) => outcomes[index] === "resolved");
      const received = new Set(idsOf(await harness.receive(topic, resolved.length)));
      const lost = resolved.filter(({ id }) => !received.has(id));
      assert.deepEqual(idsOf(lost), [], "confirmed messages are not at the broker");
    },
  },
  {
    id: "publisher.outages.reconnects",
    title: "after each outage the publisher connects again by itself and is healthy",
    guarantee: "G6",
    requires: ["connectionLoss"],
    async run(harness) {
      const { publisher, topic, publish, receivedBeforeNow } = await openPublisher(harness);
      for (let outage = 1; outage <= 3; outage += 1) {
        await harness.cutConnection?.();
        await eventually(() => assert.notEqual(publisher.health().status, "healthy", "healthy without a connection"));
        assert.ok(publisher.health().reasons.length > 0, "no reason is given");
        await rejectsWith(publish(sampleMessage(topic), { timeoutMs: 300 }), ["BROKER.UNREACHABLE"], 300 + allowanceMs);
        await harness.restoreConnection?.();
        await receivedBeforeNow();
        await eventually(() => assert.equal(publisher.health().status, "healthy"));
        assert.deepEqual(publisher.health().reasons, []);
      }
    },
  },
  {
    id: "publisher.outages.order-after-reconnect",
    title: "after an outage messages of one key arrive in the order of the calls again",
    guarantee: "G4",
    requires: ["connectionLoss"],
    async run(harness) {
      const { topic, publish, receivedBeforeNow } = await openPublisher(harness);
      await harness.cutConnection?.();
      await harness.restoreConnection?.();
      await receivedBeforeNow();
      const messages = Array.from({ length: 50 }, () => sampleMessage(topic));
      await Promise.all(messages.map((message) => publish(message)));
      const ids = new Set(idsOf(messages));
      const received = idsOf(await receivedBeforeNow()).filter((id) => ids.has(id));
      assert.deepEqual(received, idsOf(messages));
    },
  },
  {
    id: "publisher.outages.start-while-away",
    title: "start resolves while the broker is away, and publishing works once it is there",
    guarantee: "G6",
    requires: ["connectionLoss"],
    async run(harness) {
      const topic = await harness.createTopic();
      await harness.cutConnection?.();
      const publisher = harness.createPublisher();
      await settlesWithin(publisher.start(), 15_000, "start");
      assert.notEqual(publisher.health().status, "healthy");
      await harness.restoreConnection?.();
      assert.deepEqual(await receivedUpToMarker(harness, publisher, topic), []);
    },
  },
  {
    id: "publisher.outages.stop-while-away",
    title: "a publisher can be stopped while the broker is away",
    requires: ["connectionLoss"],
    async run(harness) {
      const { publisher, topic, publish } = await openPublisher(harness);
      await harness.cutConnection?.();
      await settlesWithin(publisher.stop({ timeoutMs: 500 }), 500 + allowanceMs, "stop");
      await rejectsWith(publish(sampleMessage(topic)), ["BROKER.STOPPED"], allowanceMs);
      await harness.restoreConnection?.();
    },
  },
];
