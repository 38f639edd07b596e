import assert from "node:assert/strict";
import type { DistributedLockCase } from "./distributed-lock-case.js";
import type { DistributedLockFeature, DistributedLockHarness } from "./distributed-lock-harness.js";

const hooksOf: Readonly<Record<DistributedLockFeature, readonly (keyof DistributedLockHarness)[]>> = {
  forgets: ["forget"],
  outages: ["goDown", "comeBack"],
  silence: ["fallSilent", "answerAgain"],
};

/** That what is declared and what the harness offers agree. */
export const declarationCases: readonly DistributedLockCase[] = [
  {
    id: "lock.declarations.hooks",
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
