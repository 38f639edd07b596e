import assert from "node:assert/strict";
import { isOmniBoxError } from "@omni-box/core";
import { eventually, settlesWithin } from "../settlement.js";
import type { ConsumerCase } from "./consumer-case.js";
import { becomesHealthy, createScenario, deliveredIds, leavesBehind, openConsumer } from "./consumer-scenario.js";
import { messageIdsOf, rawMessages } from "./raw-message.js";

const requires = ["queueDeletion"] as const;

/** A queue that is taken away, as an operator or a failing cluster does. */
export const queueDeletionCases: readonly ConsumerCase[] = [
  {
    id: "consumer.queue.deleted",
    title: "a consumer whose queue was deleted says so, and takes messages again by itself once there is one",
    guarantee: "G7",
    requires,
    async run(harness) {
      await harness.publish(rawMessages(2));
      const scenario = await openConsumer(harness);
      const inHand = await scenario.received(2);
      await harness.deleteQueue?.();
      await eventually(() => assert.notEqual(scenario.consumer.health().status, "healthy", "healthy without a queue"));
      assert.ok(scenario.consumer.health().reasons.length > 0, "no reason is given");
      for (const { handle } of inHand) handle.ack();
      await harness.restoreQueue?.();
      const messages = rawMessages(3);
      await harness.publish(messages);
      const later = (await scenario.received(5)).slice(2);
      assert.deepEqual(deliveredIds(later), messageIdsOf(messages));
      await becomesHealthy(scenario.consumer);
      for (const { handle } of later) handle.ack();
      await leavesBehind(harness, scenario, 0);
    },
  },
  {
    id: "consumer.queue.missing",
    title: "start is rejected with CONFIG.TOPOLOGY_MISMATCH when the queue is missing, and works once it is there",
    guarantee: "G7",
    requires,
    async run(harness) {
      await harness.deleteQueue?.();
      const scenario = createScenario(harness);
      const starting = settlesWithin(scenario.start(), 15_000, "start");
      await assert.rejects(starting, (error) => isOmniBoxError(error, "CONFIG.TOPOLOGY_MISMATCH"));
      assert.notEqual(scenario.consumer.health().status, "healthy");
      await harness.restoreQueue?.();
      await harness.publish(rawMessages(1));
      await scenario.start();
      await scenario.received(1);
      await becomesHealthy(scenario.consumer);
    },
  },
];
