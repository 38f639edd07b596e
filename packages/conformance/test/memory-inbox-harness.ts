import type { InboxRepositoryFeature, InboxRepositoryHarness } from "@omni-box/conformance";
import {
  createMemoryInboxRepository,
  type MemoryInboxRepository,
  type MemoryTransaction,
} from "@omni-box/core/testing";
import { createShiftedClock } from "./shifted-clock.js";

export const memoryInboxFeatures: readonly InboxRepositoryFeature[] = [
  "leasedClaim",
  "bulkOutcomes",
  "keyHeads",
  "ownedBuckets",
  "administration",
  "concurrentTransactions",
];

/** A harness over an empty in-memory repository, whose effects are counted in a map. */
export interface MemoryInboxHarness extends InboxRepositoryHarness<MemoryTransaction> {
  createRepository(): MemoryInboxRepository;
}

export function createMemoryInboxHarness(): MemoryInboxHarness {
  const clock = createShiftedClock();
  const repository = createMemoryInboxRepository({ clock });
  const effects = new Map<string, number>();
  return {
    createRepository: () => repository,
    createAdministration: () => repository.administration,
    async writeEffect(tx, name) {
      tx.onCommit(() => effects.set(name, (effects.get(name) ?? 0) + 1));
    },
    countEffects: async (name) => effects.get(name) ?? 0,
    failStatement: (tx) => tx.fail(new Error("division by zero")),
    advanceTime: async (ms) => clock.shift(ms),
    close: async () => undefined,
  };
}
