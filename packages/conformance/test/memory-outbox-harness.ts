import type { OutboxRepositoryFeature, OutboxRepositoryHarness } from "@omni-box/conformance";
import { createManualClock, createMemoryOutboxRepository, type MemoryTransaction } from "@omni-box/core/testing";

export const memoryOutboxFeatures: readonly OutboxRepositoryFeature[] = [
  "leasedClaim",
  "bulkOutcomes",
  "ownedBuckets",
  "administration",
  "keepPublished",
  "concurrentTransactions",
  "rootClient",
];

/** A harness over empty in-memory repositories. */
export function createMemoryOutboxHarness(): OutboxRepositoryHarness<MemoryTransaction> {
  // The cases schedule events relative to the real time.
  const clock = createManualClock(Date.now());
  const repositories = {
    delete: createMemoryOutboxRepository({ clock, onPublished: "delete" }),
    keep: createMemoryOutboxRepository({ clock, onPublished: "keep" }),
  };
  let current = repositories.delete;
  return {
    createRepository({ onPublished }) {
      current = repositories[onPublished];
      return current;
    },
    createAdministration: () => current.administration,
    transaction: (work) => current.transaction(work),
    advanceTime: (ms) => clock.advance(ms),
    rootClient: repositories.delete.client,
    close: async () => undefined,
  };
}
