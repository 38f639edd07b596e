import assert from "node:assert/strict";
import type { PublisherCase } from "./publisher-case.js";
import type { PublisherFeature, PublisherHarness } from "./publisher-harness.js";

const hooksOf: Readonly<Record<PublisherFeature, readonly (keyof PublisherHarness)[]>> = {
  unroutable: ["unroutableTopic"],
  connectionLoss: ["cutConnection", "restoreConnection"],
  heldConfirms: ["holdConfirms", "releaseConfirms"],
  flowControl: ["block", "unblock"],
  nack: ["createRefusingTopic"],
  unsendable: ["unsendable"],
};

/** That what is declared, what `capabilities` say and what the harness offers agree. */
export const declarationCases: readonly PublisherCase[] = [
  {
    id: "publisher.declarations.capabilities",
    title: "the feature declared to the kit is what capabilities.reportsUnroutable claims",
    async run(harness, features) {
      const { capabilities } = harness.createPublisher();
      assert.equal(capabilities.reportsUnroutable, features.includes("unroutable"));
    },
  },
  {
    id: "publisher.declarations.hooks",
    title: "the harness has the hooks of every declared feature, and of no other",
    async run(harness, features) {
      for (const [feature, hooks] of Object.entries(hooksOf)) {
        const declared = features.some((name) => name === feature);
        for (const hook of hooks) {
          const problem = declared
            ? "is declared and its hook is missing"
            : "is not declared although its hook is there";
          assert.equal(harness[hook] !== undefined, declared, `${feature} ${problem}: ${hook}`);
        }
      }
    },
  },
];
