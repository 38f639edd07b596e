import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { isOmniBoxError } from "@omni-box/core";
import { refOf } from "../repository/event-scenario.js";
import type { OutboxRepositoryCase } from "./outbox-repository-case.js";
import { openOutbox } from "./outbox-scenario.js";
import { sampleEvents } from "./sample-event.js";

/** That what is declared, what `capabilities` say and what happens agree. */
export const capabilityCases: readonly OutboxRepositoryCase[] = [
  {
    id: "outbox.verify.sound",
    title: "a sound store has no problems to report",
    async run(harness, features) {
      assert.deepEqual(await openOutbox(harness, features).repository.verify(), []);
    },
  },
  {
    id: "outbox.capabilities.declared",
    title: "the features declared to the kit are the capabilities that the repository claims",
    async run(harness, features) {
      const { capabilities, buckets } = openOutbox(harness, features).repository;
      for (const name of ["leasedClaim", "bulkOutcomes", "ownedBuckets"] as const) {
        assert.equal(
          capabilities[name],
          features.includes(name),
          `capabilities.${name} and the declared features differ`,
        );
      }
      assert.equal(
        harness.rootClient !== undefined,
        features.includes("rootClient"),
        "rootClient is given but not declared",
      );
      assert.equal(buckets !== undefined, features.includes("ownedBuckets"), "buckets are there but not declared");
      assert.equal(
        harness.lockEvent !== undefined,
        features.includes("rowLocks"),
        "whether rowLocks is declared and lockEvent is there differ",
      );
    },
  },
  {
    id: "outbox.capabilities.undeclared-fail",
    title: "what is not declared fails with CONFIG.UNSUPPORTED_CAPABILITY instead of half working",
    guarantee: "G7",
    async run(harness, features) {
      const outbox = openOutbox(harness, features);
      if (!features.includes("leasedClaim")) {
        const request = { limit: 1, token: randomUUID(), workerId: "kit", leaseMs: 1_000 };
        await assert.rejects(async () => outbox.repository.claim(request), isUnsupported);
      }
      if (!features.includes("bulkOutcomes")) {
        await outbox.add(sampleEvents(2));
        const { fence, events } = await outbox.take();
        await assert.rejects(async () => outbox.repository.recordCompleted(fence, events.map(refOf)), isUnsupported);
        for (const { id } of events) assert.ok(await outbox.read(id));
      }
      if (!features.includes("ownedBuckets")) {
        await outbox.add(sampleEvents(1));
        const [event] = (await outbox.take({ limit: 1 })).events;
        const fence = { kind: "buckets", owner: "kit", epochs: new Map([[event?.bucket ?? 0, 1n]]) } as const;
        const rows = event ? [refOf(event)] : assert.fail("an event was added");
        await assert.rejects(async () => outbox.repository.recordCompleted(fence, rows), isUnsupported);
        assert.deepEqual(await outbox.read(rows[0]?.id ?? ""), event);
      }
      if (!features.includes("keepPublished")) {
        assert.throws(() => harness.createRepository({ onPublished: "keep" }), isOmniBoxError);
      }
    },
  },
];

function isUnsupported(error: unknown): boolean {
  return isOmniBoxError(error, "CONFIG.UNSUPPORTED_CAPABILITY");
}
