import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { isOmniBoxError } from "@omni-box/core";
import { refOf } from "../repository/event-scenario.js";
import type { InboxRepositoryCase } from "./inbox-repository-case.js";
import { openInbox } from "./inbox-scenario.js";
import { sampleMessages } from "./sample-message.js";

const hookOf = { writeConflicts: "rewriteEffect", connectionLoss: "cutConnection" } as const;

/** That what is declared, what `capabilities` say, what the harness offers and what happens agree. */
export const capabilityCases: readonly InboxRepositoryCase[] = [
  {
    id: "inbox.verify.sound",
    title: "a sound store has no problems to report",
    async run(harness, features) {
      assert.deepEqual(await openInbox(harness, features).repository.verify(), []);
    },
  },
  {
    id: "inbox.capabilities.declared",
    title:
      "the features declared to the kit are the capabilities that the repository claims and the hooks that are there",
    async run(harness, features) {
      const { capabilities } = openInbox(harness, features).repository;
      for (const name of ["leasedClaim", "bulkOutcomes", "keyHeads", "ownedBuckets"] as const) {
        assert.equal(
          capabilities[name],
          features.includes(name),
          `capabilities.${name} and the declared features differ`,
        );
      }
      for (const [feature, hook] of Object.entries(hookOf)) {
        const declared = features.some((name) => name === feature);
        assert.equal(
          harness[hook] !== undefined,
          declared,
          `whether ${feature} is declared and ${hook} is there differ`,
        );
      }
    },
  },
  {
    id: "inbox.capabilities.undeclared-fail",
    title: "what is not declared fails with CONFIG.UNSUPPORTED_CAPABILITY instead of half working",
    guarantee: "G7",
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      await inbox.storePending(sampleMessages(2));
      if (!features.includes("keyHeads")) {
        await assert.rejects(async () => inbox.repository.findDue({ limit: 1, keyHeadsOnly: true }), isUnsupported);
      }
      if (!features.includes("leasedClaim")) {
        const request = { limit: 1, token: randomUUID(), workerId: "kit", leaseMs: 1_000 };
        await assert.rejects(async () => inbox.repository.claim(request), isUnsupported);
      }
      if (!features.includes("ownedBuckets")) {
        assert.equal(inbox.repository.bucketsOf, undefined, "bucketsOf is there without the capability");
      }
      if (!features.includes("bulkOutcomes")) {
        const { fence, events } = await inbox.take();
        await assert.rejects(async () => inbox.repository.recordCompleted(fence, events.map(refOf)), isUnsupported);
        for (const { id } of events) assert.equal((await inbox.read(id)).status, "pending");
      }
    },
  },
];

function isUnsupported(error: unknown): boolean {
  return isOmniBoxError(error, "CONFIG.UNSUPPORTED_CAPABILITY");
}
