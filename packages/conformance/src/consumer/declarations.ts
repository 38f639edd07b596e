import assert from "node:assert/strict";
import type { ConsumerCase } from "./consumer-case.js";
import type { ConsumerFeature, ConsumerHarness } from "./consumer-harness.js";

const hooksOf: Readonly<Record<ConsumerFeature, readonly (keyof ConsumerHarness)[]>> = {
  deliveryCount: [],
  deadLetters: ["deadLettered"],
  connectionLoss: ["cutConnection", "restoreConnection"],
  queueDeletion: ["deleteQueue", "restoreQueue"],
  typedHeaders: [],
};

/** That what is declared, what the consumer says of itself and what the harness offers agree. */
export const declarationCases: readonly ConsumerCase[] = [
  {
    id: "consumer.declarations.capabilities",
    title: "the features declared to the kit are the capabilities that the consumer claims",
    async run(harness, features) {
      const { capabilities } = harness.createConsumer({ prefetch: 10 });
      assert.equal(capabilities.countsDeliveries, features.includes("deliveryCount"), "countsDeliveries");
      assert.equal(capabilities.deadLetters, features.includes("deadLetters"), "deadLetters");
    },
  },
  {
    id: "consumer.declarations.prefetch",
    title: "the consumer tells the prefetch that it was given",
    async run(harness) {
      assert.equal(harness.createConsumer({ prefetch: 7 }).prefetch, 7);
    },
  },
  {
    id: "consumer.declarations.hooks",
    title: "the harness has the hooks of every declared feature, and of no other",
    async run(harness, features) {
      for (const [feature, hooks] of Object.entries(hooksOf)) {
        const declared = features.some((name) => name === feature);
        for (const hook of hooks) {
          assert.equal(harness[hook] !== undefined, declared, `whether ${feature} is declared and ${hook} is there`);
        }
      }
    },
  },
];
